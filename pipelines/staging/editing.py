"""What prompts change of what is there: which things they mean, those that leave, and those of another size. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from flowbrush.models.text.colors import parted
from flowbrush.models.text.edits import CAMERA, DYE, GROW, ONLY, PACE, PLACE, REMOVE, REPLACE, SWAP, TURN
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.staging.which import those_ones

GROWING = 4  # chunks in which a thing comes to its new size: at once would be a jump
LARGEST, SMALLEST = 0.9, 0.08
"""Of the picture's shorter side: what is larger hides all else, and what is smaller no hand can take."""
TO = {
    REMOVE: "remove",
    ONLY: "keep",
    REPLACE: "replace",
    DYE: "colour",
    GROW: "make larger or smaller",
    PLACE: "put elsewhere",
    SWAP: "swap",
    PACE: "hurry or slow down",
    TURN: "turn round",
}

SPARES = (REMOVE, GROW, PLACE, SWAP)
"""What is not done to what a hand holds."""
HELD = "what a hand holds, or a path moves, stays as it is: say it again when that is over"


def chosen(stack: LayerStack, told: Description, last: Sequence[Wanted] = ()) -> list[int]:
    """The places of the layers that a prompt means to change: as many as it says, those in front first; all of them where it says
    "the dogs", or everything; by a name that is not known what is called IT. On a photo "it" is one: of which the `last` prompt
    spoke, or what the photo shows.
    """
    if told.which is not None:
        return those_ones(stack, told.which)
    if told.edit is not None and told.edit.everything:
        named = [place for place, layer in enumerate(stack.layers) if layer.label and not layer.leaving]
        shown = [place for place in named if stack.layers[place].cut]
        if not (told.of_one and shown):
            return named
        spoken_of = [place for thing in last if thing.on != IT for place in those(stack.layers, thing)]
        return spoken_of or shown[-1:]
    if not told.things:
        it = () if told.of_scenery else (IT,)
        return [place for place, layer in enumerate(stack.layers) if layer.label in it and not layer.leaving]
    return [place for thing in told.things for place in those(stack.layers, thing)]


def absent(stack: LayerStack, told: Description) -> list[str]:
    """What a prompt wants to change and what is not there, or held, in words."""
    if told.which is not None and not those_ones(stack, told.which):
        return ["nothing here is meant by that: say it by its name"]
    if told.edit is None:
        return []
    if told.edit.more and not any(layer.label and not layer.leaving for layer in stack.layers):
        return ["there is nothing here of which more could come: say what is to come"]
    if told.edit.kind == CAMERA:
        return ["the camera follows no words: move it with the camera's own control"]
    if told.edit.kind not in TO:
        return []
    names = [thing.called for thing in told.things if not those(stack.layers, thing)]
    places = chosen(stack, told)
    if told.of_scenery and not (told.things or told.edit.everything):
        return [f"a prompt can {TO[told.edit.kind]} things only, not what is around them"]
    if told.edit.everything and not places and not stack.of_photo:  # of a photo is said what is to be done
        names = ["thing of a prompt"]
    missing = [f"there is no {name} to {TO[told.edit.kind]}" for name in names]
    if told.edit.kind == SWAP and len(places) > 2:
        missing.append("there are more than two to change places: say which two")
    if told.edit.kind in SPARES and any(stack.layers[place].held for place in places):
        missing.append(HELD)
    if told.edit.kind == REPLACE and not told.instead:
        missing.append(f"nothing of {told.edit.instead!r} is known, so all stays as it is")
    return missing


def those(layers: Sequence[Layer], thing: Wanted) -> list[int]:
    """The places of the layers that such a thing is: as many as it says, those in front first; all that are known so."""
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


def others(stack: LayerStack, places: Collection[int], known: Collection[str]) -> list[int]:
    """The places of the layers of `known` things that are not at `places`; none where nothing is there."""
    return [
        place
        for place, layer in enumerate(stack.layers)
        if places and place not in places and parted(layer.label)[1] in known
    ]


def removed(stack: LayerStack, places: Collection[int]) -> LayerStack:
    """The stack in which the layers at `places` leave, but for those that hands hold."""
    layers = [
        replace(layer, leaving=layer.leaving or not layer.held) if place in places else layer
        for place, layer in enumerate(stack.layers)
    ]
    return replace(stack, layers=tuple(layers))


def without(stack: LayerStack, things: Sequence[Wanted]) -> LayerStack:
    """The stack in which those of the things leave of which a prompt says so."""
    return removed(stack, [place for thing in things if thing.leaves for place in those(stack.layers, thing)])


def resized(stack: LayerStack, now: Sequence[Wanted], before: Sequence[Wanted]) -> LayerStack:
    """The stack in which things grow that are named in another size than `before`: "a cat", then "a big cat"."""
    sizes = {thing.called: thing.size for thing in before}
    for thing in now:
        factor = thing.size / sizes.get(thing.called, thing.size)
        if factor != 1:
            stack = grown(stack, those(stack.layers, thing), factor)
    return stack


def grown(stack: LayerStack, places: Collection[int], factor: float) -> LayerStack:
    """The stack in which the layers at `places` are on their way to `factor` times their size, their feet where they are: on the
    ground, or on whom they sit.
    """
    edge, sitting = min(stack.size), stack.carriers()
    scales = {
        place: _other_scale(layer, factor, edge) if place in places and not layer.held else layer.pose.scale
        for place, layer in enumerate(stack.layers)
    }
    layers = list(stack.layers)
    for place, layer in enumerate(stack.layers):
        under = sitting.get(place)
        if under is not None:
            layers[place] = _growing_on(layer, scales[place], stack.layers[under], scales[under])
        elif scales[place] != layer.pose.scale:
            layers[place] = _growing(layer, scales[place])
    return replace(stack, layers=tuple(layers))


def _other_scale(layer: Layer, factor: float, edge: int) -> float:
    """`factor` times its scale, as far as it stays in a picture of that shorter edge, and in sight."""
    height = layer.rgba.shape[-2]
    low, high = SMALLEST * edge / height, LARGEST * edge / height
    return min(max(layer.pose.scale * factor, min(low, layer.pose.scale)), max(high, layer.pose.scale))


def _growing(layer: Layer, scale: float) -> Layer:
    rise = layer.rgba.shape[-2] * (scale - layer.pose.scale) / 2
    here = layer.pose.x, layer.pose.y
    return replace(layer, seat=Seat("", 0, here, (here[0], here[1] - rise, scale), GROWING))


def _growing_on(rider: Layer, scale: float, carrier: Layer, carrier_scale: float) -> Layer:
    """The rider on its way to a scale on a carrier that comes to another, too: a seat counts in pixels of the carrier's cut-out."""
    assert rider.seat is not None
    if (scale, carrier_scale) == (rider.pose.scale, carrier.pose.scale):
        return rider
    x, y, _ = rider.seat.goal or (*rider.seat.at, scale)
    rise = rider.rgba.shape[-2] * (scale / carrier_scale - rider.pose.scale / carrier.pose.scale) / 2
    return replace(rider, seat=replace(rider.seat, goal=(x, y - rise, scale), chunks=GROWING))
