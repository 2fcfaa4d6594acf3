"""What prompts change of what is there: things that leave, have another colour or another size. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from torch import Tensor

from flowbrush.models.text.colors import parted
from flowbrush.models.text.edits import DYE, GROW, REMOVE
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat

GROWING = 4  # chunks in which a thing comes to its new size: at once would be a jump
LARGEST, SMALLEST = 0.9, 0.08
"""Of the picture's shorter side: what is larger hides all else, and what is smaller no hand can take."""
TO = {REMOVE: "remove", DYE: "colour", GROW: "make larger or smaller"}


def chosen(stack: LayerStack, told: Description) -> list[int]:
    """The places of the layers that a prompt means to change: as many as it says, those in front first; all of them where it says
    "the dogs", or everything.
    """
    if told.edit is not None and told.edit.everything:
        return [place for place, layer in enumerate(stack.layers) if layer.label and not layer.leaving]
    return [place for thing in _meant(told) for place in _those(stack.layers, thing)]


def absent(stack: LayerStack, told: Description) -> list[str]:
    """What a prompt wants to change and what is not there, in words."""
    if told.edit is None or told.edit.kind not in TO:
        return []
    names = [thing.label for thing in _meant(told) if not _those(stack.layers, thing)]
    if told.edit.everything and not chosen(stack, told):
        names = ["thing of a prompt"]
    return [f"there is no {name} to {TO[told.edit.kind]}" for name in names]


def _meant(told: Description) -> list[Wanted]:
    """The things that a prompt means, of the colours that they have: one that is to be blue may have any."""
    dyes = told.edit is not None and told.edit.kind == DYE
    return [replace(thing, color="", own_color=False) if dyes else thing for thing in told.things]


def _those(layers: Sequence[Layer], thing: Wanted) -> list[int]:
    alike = [
        place
        for place, layer in enumerate(layers)
        if not layer.leaving and layer.label in (thing.called, *_kinds(thing, layer))
    ]
    return alike if thing.count > 1 and thing.definite else alike[::-1][: thing.count]


def _kinds(thing: Wanted, layer: Layer) -> tuple[str, ...]:
    """The layer's own name where a thing of any colour is meant, and it is one."""
    any_color = not (thing.color or thing.own_color)
    return (layer.label,) if any_color and parted(layer.label)[1] == thing.label else ()


def removed(stack: LayerStack, places: Collection[int]) -> LayerStack:
    """The stack in which the layers at `places` leave, but for those that hands hold."""
    layers = [
        replace(layer, leaving=layer.leaving or not layer.held) if place in places else layer
        for place, layer in enumerate(stack.layers)
    ]
    return replace(stack, layers=tuple(layers))


def without(stack: LayerStack, things: Sequence[Wanted]) -> LayerStack:
    """The stack in which those of the things leave of which a prompt says so."""
    return removed(
        stack, [place for thing in things if thing.leaves for place in _those(stack.layers, thing)]
    )


def grown(stack: LayerStack, places: Collection[int], factor: float) -> LayerStack:
    """The stack in which the layers at `places` are on their way to `factor` times their size, their feet where they are."""
    layers = [
        _growing(layer, factor, min(stack.size)) if place in places and not layer.held else layer
        for place, layer in enumerate(stack.layers)
    ]
    return replace(stack, layers=tuple(layers))


def _growing(layer: Layer, factor: float, edge: int) -> Layer:
    height = layer.rgba.shape[-2]
    low, high = SMALLEST * edge / height, LARGEST * edge / height
    scale = min(max(layer.pose.scale * factor, min(low, layer.pose.scale)), max(high, layer.pose.scale))
    rise = height * (scale - layer.pose.scale) / 2
    if layer.seat is not None and layer.seat.label:
        return replace(layer, pose=replace(layer.pose, scale=scale, y=layer.pose.y - rise))
    here = layer.pose.x, layer.pose.y
    return replace(layer, seat=Seat("", 0, here, (here[0], here[1] - rise, scale), GROWING))


def dyed(stack: LayerStack, places: Collection[int], hue: str, sprite: Callable[[str], Tensor]) -> LayerStack:
    """The stack in which the layers at `places` leave, and the same things in the colour `hue` come where they are; `sprite` [4, s,
    s] draws a thing by its name. What cannot leave is what it was learned as.
    """
    layers = list[Layer]()
    renamed = dict[tuple[str, int], str]()
    for place, layer in enumerate(stack.layers):
        if place not in places or parted(layer.label)[0] == hue:
            layers.append(layer)
            continue
        label = f"{hue} {parted(layer.label)[1]}"
        renamed[layer.label, layer.number] = label
        rgba = _turned_as(sprite(label), layer.rgba)
        layers += [
            replace(layer, hands=frozenset(), leaving=True),
            replace(layer, rgba=rgba, label=label, opacity=0.0),
        ]
    return replace(stack, layers=tuple(_reseated(layer, renamed) for layer in layers))


def _turned_as(rgba: Tensor, before: Tensor) -> Tensor:
    """The sprite or its mirror image, whichever has the shape of the one `before`."""
    if rgba.shape != before.shape:
        return rgba
    plain, mirrored = (float((each[3] - before[3]).abs().sum()) for each in (rgba, rgba.flip(-1)))
    return rgba.flip(-1) if mirrored < plain else rgba


def _reseated(layer: Layer, renamed: dict[tuple[str, int], str]) -> Layer:
    """Who sits on what has another name now sits there still."""
    if layer.seat is None or layer.seat.carrier not in renamed:
        return layer
    return replace(layer, seat=replace(layer.seat, label=renamed[layer.seat.carrier]))
