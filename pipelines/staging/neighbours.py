"""Things that a prompt puts beside, before or behind others. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbrush.pipelines.parsing.wanted import BEFORE, BEHIND, BESIDE, BETWEEN, Wanted
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.staging.between import gap, moved_apart, pair_of
from flowbrush.pipelines.staging.seats import carrier_of

APART = {BESIDE: 0.95, BEFORE: 0.45, BEHIND: 0.45}
"""Of their mean width: how far the middles of both are from each other: of who is behind enough is to be seen."""
NEARER = {BESIDE: 0.0, BEFORE: 0.12, BEHIND: -0.12}
"""Of their mean height: how much lower in the picture, which is nearer to us, the feet of the first one are."""


def beside(
    new: Sequence[Layer], wanted: Sequence[Wanted], there: Sequence[Layer], width: int
) -> tuple[Layer, ...]:
    """`new` layers, which are `wanted` in that order, in a picture of that width: those that are to be near another one, of these
    or of those that are `there`, stand at its side with more room, or between both, which make room if they are new, too.
    """
    layers = list(new)
    for place, thing in enumerate(wanted):
        rest = [at for at in range(len(layers)) if at != place]
        others = [*there, *(layers[at] for at in rest)]
        pair = pair_of(thing, others)
        if pair is not None and min(pair) >= len(there):
            apart = moved_apart(layers[place], others[pair[0]], others[pair[1]], width)
            for at, other in zip(pair, apart, strict=True):
                others[at] = layers[rest[at - len(there)]] = other
        spot = spot_near(layers[place], thing, others, width)
        if spot is not None:
            pose = replace(layers[place].pose, x=spot[0], y=spot[1])
            layers[place] = replace(layers[place], pose=pose)
    return tuple(layers)


def spot_near(layer: Layer, thing: Wanted, others: Sequence[Layer], width: int) -> tuple[float, float] | None:
    """Where in a picture of that width a layer is that is to be near some of the others, as the thing says; None where those are
    not.
    """
    pair = pair_of(thing, others)
    if pair is not None:
        return gap(layer, others[pair[0]], others[pair[1]], _keeps_its_height(thing))
    at = None if thing.near[0] == BETWEEN else carrier_of(thing.near[1], others)
    return None if at is None else spot(layer, others[at], thing, width)


def in_depth(layers: Sequence[Layer], new: Sequence[Layer], wanted: Sequence[Wanted]) -> tuple[Layer, ...]:
    """`layers` from back to front, with the `new` ones among them, which are `wanted` in that order, right behind or before those
    that they are to be behind or before.
    """
    ordered = list(layers)
    for layer, thing in zip(new, wanted, strict=True):
        where, label = thing.near
        named = [each for each in ordered if (each.label, each.number) == (layer.label, layer.number)]
        mine = named[-1]  # what leaves may have its name and number
        others = [each for each in ordered if each is not mine]
        at = carrier_of(label, others)
        if at is not None and where in (BEFORE, BEHIND):
            rank = at if where == BEHIND else at + 1
            ordered = [*others[:rank], mine, *others[rank:]]
    return tuple(ordered)


def spot(layer: Layer, other: Layer, thing: Wanted, width: int) -> tuple[float, float]:
    """Where in a picture of that width a layer is near the other one as a thing is to be; what is beside another, and flies or
    swims, stays at its height.
    """
    where = thing.near[0]
    (wide, tall), (other_wide, other_tall) = layer.extents, other.extents
    away = APART[where] * (wide + other_wide) / 2
    x = other.pose.x + (away if other.pose.x < width / 2 else -away)
    foot = other.foot + NEARER[where] * (tall + other_tall) / 2
    level = where == BESIDE and _keeps_its_height(thing)
    return min(max(x, wide / 2), width - wide / 2), layer.pose.y if level else foot - tall / 2


def _keeps_its_height(thing: Wanted) -> bool:
    return thing.home in ("air", "water")
