"""Which way things look: who is told to go to a side turns to it, at once, as in a cartoon. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat

LOOK = {"left": "left", "right": "right", "level left": "left", "level right": "right"}
"""The side to which one looks who goes a way (one of `drive.PASSED`); who rises looks where it did."""
OTHER = {"left": "right", "right": "left"}


def facing(stack: LayerStack, ways: Mapping[int, str]) -> LayerStack:
    """The stack in which the layers at the places of `ways` look to where these go. Who sits on another turns with it, and nobody
    whom a hand holds does.
    """
    sitting = stack.carriers()
    turning = {
        place
        for place, layer in enumerate(stack.layers)
        if place not in sitting and not layer.held and LOOK.get(ways.get(place, "")) == OTHER.get(layer.looks)
    }
    riders = {place for place, carrier in sitting.items() if carrier in turning}
    layers = (
        mirrored(layer, place in riders) if place in turning | riders else layer
        for place, layer in enumerate(stack.layers)
    )
    return replace(stack, layers=tuple(layers))


def mirrored(layer: Layer, rides: bool = False) -> Layer:
    """A layer that looks to the other side, as a mirror through its middle shows it; one that `rides` what turns, too."""
    pose = replace(layer.pose, angle=-layer.pose.angle)
    seat = _mirrored_seat(layer.seat) if rides and layer.seat else layer.seat
    return replace(layer, rgba=layer.rgba.flip(-1), pose=pose, seat=seat, looks=OTHER.get(layer.looks, ""))


def _mirrored_seat(seat: Seat) -> Seat:
    goal = seat.goal and (-seat.goal[0], *seat.goal[1:])
    return replace(seat, at=(-seat.at[0], seat.at[1]), goal=goal)
