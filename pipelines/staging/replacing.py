"""Things in place of others, where these were: "turn the dog into a horse", "make the car blue". Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count, cycle

from torch import Tensor

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.parsing.wanted import LOOKS_RIGHT, Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Told

Carriers = dict[tuple[str, int], tuple[str, int]]
"""The new label and number of each layer that another one takes the place of."""


def dealt(
    places: Sequence[int], things: Sequence[Wanted], all_alike: bool
) -> tuple[dict[int, Wanted], list[Wanted]]:
    """Which of the things comes in place of which layer, and those that come in addition. Several take turns, and so does a single
    one where it stands for `all_alike`: "turn them into a cat". Else it comes once.
    """
    each = [replace(thing, count=1) for thing in things for _ in range(thing.count)]
    once = len(each) == 1 and not all_alike
    return dict(zip(places, each if once else cycle(each), strict=False)), each[
        len(places) :
    ] if places else []


def dyed(layer: Layer, hue: str) -> Wanted:
    """The same thing in another colour."""
    return Wanted(parted(layer.label)[1], color=hue)


def is_dyed(layer: Layer, thing: Wanted) -> bool:
    """Whether a thing is what was cut from a photo, in another colour."""
    return layer.cut and thing.label == parted(layer.label)[1]


def replaced(
    stack: LayerStack,
    by: Mapping[int, Wanted],
    drawn: Callable[[Layer, Wanted], Tensor],
    told: Callable[[Layer, Wanted], Told],
) -> LayerStack:
    """The stack in which the layers at the places of `by` leave, and other things come where they are, their feet where these had
    theirs; `drawn` [4, h, w] is a thing as it looks in a layer's place, and `told` is what it goes on with. Who sat there sits
    there still.
    """
    taken = {(layer.label, layer.number) for layer in stack.layers}
    renamed: Carriers = {}
    layers = list[Layer]()
    for place, layer in enumerate(stack.layers):
        thing = by.get(place)
        if thing is None or thing.called == layer.label:
            layers.append(layer)
            continue
        number = next(each for each in count() if (thing.called, each) not in taken)
        taken.add((thing.called, number))
        renamed[layer.label, layer.number] = thing.called, number
        new = _in_its_place(layer, thing, drawn(layer, thing))
        layers += [
            replace(layer, hands=frozenset(), leaving=True),
            replace(new, number=number, told=told(layer, thing)),
        ]
    return replace(stack, layers=tuple(_reseated(layer, renamed) for layer in layers))


def _in_its_place(layer: Layer, thing: Wanted, rgba: Tensor) -> Layer:
    """A thing that is not seen yet, looking to the side to which the one does whose place it takes."""
    same = is_dyed(layer, thing)
    own = layer.looks if same else "right" if thing.label in LOOKS_RIGHT else "left"
    looks = layer.looks or own
    scale = layer.pose.scale * thing.size * layer.rgba.shape[-2] / rgba.shape[-2]
    pose = replace(layer.pose, scale=scale, y=layer.foot - rgba.shape[-2] * scale / 2)
    return replace(
        layer,
        rgba=rgba.flip(-1) if looks != own else rgba,
        label=thing.called,
        pose=pose,
        opacity=0.0,
        looks=looks,
        cut=same,
    )


def _reseated(layer: Layer, renamed: Carriers) -> Layer:
    """Who sits on what has another name now sits there still."""
    if layer.seat is None or layer.seat.carrier not in renamed:
        return layer
    label, number = renamed[layer.seat.carrier]
    return replace(layer, seat=replace(layer.seat, label=label, number=number))
