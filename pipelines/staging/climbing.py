"""Layers that are there already and get on another for a new prompt, or off it: "a cat and a car", then "the cat sits on it"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.parsing.ways import LEVEL, TRAVELS
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.staging.layout import each_of
from flowbrush.pipelines.staging.seats import RIDER, carrier_of, seated

CHUNKS = 4  # on the way up: at once would be a jump through the picture, and who walks up for long is late


def mounting(stack: LayerStack, things: Sequence[Wanted]) -> LayerStack:
    """The stack in which those of its layers are on their way that the prompt's `things` put on another one. Nobody is who a hand
    holds, or who sits there.
    """
    riders = Counter(thing.on for thing in each_of(things) if thing.on)
    for thing in each_of(things):
        carrier = carrier_of(thing.on, stack.layers)
        rider = None if carrier is None else _free(stack, thing)
        if carrier is None or rider is None or rider == carrier:
            continue
        layer, under = stack.layers[rider], stack.layers[carrier]
        index = sum(
            each.seat is not None and each.seat.carrier == (under.label, under.number)
            for each in stack.layers
        )
        full = replace(
            layer.pose, scale=layer.pose.scale / (RIDER if layer.seat else 1)
        )  # who sat is small already
        there = seated(replace(layer, pose=full), under, min(index, riders[thing.on] - 1), riders[thing.on])
        assert there.seat is not None
        here = under.pose.inverse(np.array([layer.pose.x, layer.pose.y])).tolist()
        seat = replace(
            there.seat, at=(here[0], here[1]), goal=(*there.seat.at, there.pose.scale), chunks=CHUNKS
        )
        others = [each for place, each in enumerate(stack.layers) if place != rider]
        stack = replace(stack, layers=(*others, replace(layer, seat=seat, depth=under.depth)))
    return stack


def dismounting(stack: LayerStack, things: Sequence[Wanted]) -> LayerStack:
    """The stack in which those of its layers are on their way down that the prompt's `things` have come `off` another one, or go
    somewhere by themselves: to the ground beside that, on the side with more room. What flies stays in the air.
    """
    kinds = {(each.label, each.number): each for each in stack.layers if each.label}
    alone = [thing for thing in things if thing.off or (thing.verb in TRAVELS and not thing.on)]
    going = {thing.label: thing.verb in LEVEL for thing in alone}
    layers = list[Layer]()
    for layer in stack.layers:
        under = None if layer.seat is None or layer.held else kinds.get(layer.seat.carrier)
        flies = going.get(parted(layer.label)[1])
        if under is None or flies is None:
            layers.append(layer)
        else:
            layers.append(replace(layer, seat=None if flies else _beside(layer, under, stack.size[1])))
    return replace(stack, layers=tuple(layers))


def _beside(rider: Layer, under: Layer, edge: int) -> Seat:
    """The way down to the ground beside the one `under` the rider, in a picture of that width."""
    scale = rider.pose.scale / RIDER
    height, width = (side * scale / 2 for side in rider.rgba.shape[-2:])
    away = under.extents[0] / 2 + width
    x = under.pose.x + (away if under.pose.x < edge / 2 else -away)
    return Seat("", 0, (rider.pose.x, rider.pose.y), (x, under.foot - height, scale), CHUNKS)


def _free(stack: LayerStack, thing: Wanted) -> int | None:
    """The place of a layer that is such a thing and not on what it is to be on."""
    kinds = {(each.label, each.number): parted(each.label)[1] for each in stack.layers}

    def waits(layer: Layer) -> bool:
        there = layer.seat is not None and kinds.get(layer.seat.carrier) == thing.on
        named = layer.label == thing.called or (not thing.color and parted(layer.label)[1] == thing.label)
        return named and not there and not layer.held and not layer.leaving

    return next((place for place, layer in enumerate(stack.layers) if waits(layer)), None)
