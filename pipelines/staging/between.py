"""Things that a prompt puts between two others. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.parsing.wanted import ANYBODY, BETWEEN, Wanted
from flowbrush.pipelines.reference.layers import Layer

ROOM = 1.0
"""Of their mean width: how far the middles of two neighbours are from each other at least. With less they cover each other."""


def pair_of(thing: Wanted, others: Sequence[Layer]) -> tuple[int, int] | None:
    """The places of the two that the thing is to be between, the left one first; None where they are not there."""
    if thing.near[0] != BETWEEN:
        return None
    found = list[int]()
    for name in (thing.near[1], thing.near_too):
        places = (
            place
            for place, each in enumerate(others)
            if each.label
            and not each.leaving
            and place not in found
            and name in (ANYBODY, parted(each.label)[1])
        )
        found.extend(list(places)[:1])
    if len(found) < 2:
        return None
    left, right = sorted(found, key=lambda place: others[place].pose.x)
    return left, right


def gap(layer: Layer, left: Layer, right: Layer, level: bool) -> tuple[float, float]:
    """Where the middle of a layer is between two others, in pixels: its feet as high as theirs are, or at its `level`."""
    y = layer.pose.y if level else (left.foot + right.foot) / 2 - layer.extents[1] / 2
    return (left.pose.x + right.pose.x) / 2, y


def moved_apart(layer: Layer, left: Layer, right: Layer, width: int) -> tuple[Layer, Layer]:
    """The two others with room for a layer between them, as far as a picture of that width has any."""
    wide, one, two = (each.extents[0] for each in (layer, left, right))
    before, behind = ROOM * (wide + one) / 2, ROOM * (wide + two) / 2
    middle = (left.pose.x + right.pose.x) / 2
    middle = min(max(middle, before + one / 2), width - behind - two / 2)
    if before + behind + (one + two) / 2 > width:
        middle = width / 2
    ends = (
        min(left.pose.x, max(middle - before, one / 2)),
        max(right.pose.x, min(middle + behind, width - two / 2)),
    )
    return _at(left, ends[0]), _at(right, ends[1])


def _at(layer: Layer, x: float) -> Layer:
    return replace(layer, pose=replace(layer.pose, x=x))
