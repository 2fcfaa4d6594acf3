"""Things that a prompt puts elsewhere in the picture: on another side, or in each other's place. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.staging import layout
from flowbrush.pipelines.staging.between import moved_apart, pair_of
from flowbrush.pipelines.staging.editing import those
from flowbrush.pipelines.staging.facing import mirrored
from flowbrush.pipelines.staging.neighbours import in_depth, spot_near

CHUNKS = 6  # on the way: faster is a jump, and who waits for longer thinks that nothing was heard
ACROSS = {"left": 0.2, "middle": 0.5, "right": 0.8}
DOWN = {"top": 0.25, "bottom": 0.75}
APART = 0.9  # of a thing's width: how far from each other several stand on one side


def put(stack: LayerStack, places: Sequence[int], side: str, height: str) -> LayerStack:
    """The stack in which the layers at `places` are on their way to a side ("left", "middle", "right") or a height ("top",
    "bottom") of the picture, next to each other; "" leaves them in their column or row. Nobody is whom a hand holds.
    """
    rows, columns = stack.size
    for index, place in enumerate(places):
        layer = stack.layers[place]
        width, tall = layer.extents
        aside = (index - (len(places) - 1) / 2) * APART * width if side else 0.0
        x = ACROSS[side] * columns + aside if side else layer.pose.x
        y = DOWN[height] * rows if height else layer.pose.y
        inside = min(max(x, width / 2), columns - width / 2), min(max(y, tall / 2), rows - tall / 2)
        stack = stack.with_layer(place, on_the_way(layer, *(inside if not layer.held else _here(layer))))
    return stack


def sided(stack: LayerStack, things: Sequence[Wanted]) -> LayerStack:
    """The stack in which those of the things are on their way that are on another side than a prompt names them on: "a dog on the
    left and a cat", then "a cat on the left and a dog". Where some go, they go, and where to is no side.
    """
    if any(thing.way or thing.on for thing in things):
        return stack
    for thing in things:
        low, high = layout.ACROSS[thing.side]
        places = [
            place
            for place in those(stack.layers, thing)
            if not low <= stack.layers[place].pose.x / stack.size[1] <= high
        ]
        stack = put(stack, places, thing.side, "") if thing.side else stack
    return stack


def joined(stack: LayerStack, things: Sequence[Wanted]) -> LayerStack:
    """The stack in which those of its layers are on their way that the things are to be near to others, and those that make room
    for one between them.
    """
    for thing in things:
        stack, others = _with_room(stack, thing)
        places = [place for place in those(stack.layers, thing) if stack.layers[place].opacity == 1]
        for place in places[:1]:
            layer = stack.layers[place]
            spot = spot_near(layer, thing, [each for each in others if each is not layer], stack.size[1])
            if spot is not None and not layer.held:
                there = on_the_way(layer, *spot)
                stack = stack.with_layer(place, there)
                stack = stack.with_all(in_depth(stack.layers, [there], [thing]))
    return stack


def _with_room(stack: LayerStack, thing: Wanted) -> tuple[LayerStack, list[Layer]]:
    """The stack with two of its layers on their way from each other if the thing is to be between them, and all of its layers where
    they will be then. Out of no hand.
    """
    layers = list(stack.layers)
    mine = next(iter(those(layers, thing)), None)
    rest = [place for place in range(len(layers)) if place != mine]
    pair = pair_of(thing, [layers[place] for place in rest])
    if mine is None or pair is None:
        return stack, layers
    left, right = (rest[at] for at in pair)
    apart = moved_apart(layers[mine], layers[left], layers[right], stack.size[1])
    for place, there in zip((left, right), apart, strict=True):
        if not layers[place].held:
            stack = stack.with_layer(place, on_the_way(layers[place], there.pose.x, there.pose.y))
            layers[place] = there
    return stack, layers


def swapped(stack: LayerStack, one: int, other: int) -> LayerStack:
    """The stack in which two layers are on their way to where the other's feet are; the same where a hand holds either."""
    first, second = stack.layers[one], stack.layers[other]
    if first.held or second.held:
        return stack
    for place, layer, there in ((one, first, second), (other, second, first)):
        stack = stack.with_layer(place, on_the_way(layer, there.pose.x, there.foot - layer.extents[1] / 2))
    return stack


def landed(stack: LayerStack, places: Sequence[int], level: float) -> LayerStack:
    """The stack in which those of the layers at `places` come down whose feet are above `level` (0..1 of the height), where the
    ground of another scene begins. Nobody does whom a hand holds, or who is on its way, or leaving.
    """
    ground = level * stack.size[0]
    for place in places:
        layer = stack.layers[place]
        if layer.foot < ground and not (layer.held or layer.seat or layer.leaving):
            stack = stack.with_layer(place, on_the_way(layer, layer.pose.x, ground - layer.extents[1] / 2))
    return stack


def on_the_way(layer: Layer, x: float, y: float, chunks: float = CHUNKS) -> Layer:
    """A layer on its way to a place in pixels; it looks to the side to which it goes, if that is far."""
    here = layer.pose.x, layer.pose.y
    if (x, y) == here:
        return layer
    side = "left" if x < here[0] else "right"
    if layer.looks not in ("", side) and abs(x - here[0]) > layer.extents[1] / 2:
        layer = mirrored(layer)
    return replace(layer, seat=Seat("", 0, here, (x, y, layer.pose.scale), chunks))


def _here(layer: Layer) -> tuple[float, float]:
    return layer.pose.x, layer.pose.y
