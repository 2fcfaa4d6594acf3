"""Which way things look: who is told to go to a side turns to it, at once, as in a cartoon. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flowbrush.pipelines.parsing.wanted import OTHER
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat

LOOK = {"left": "left", "right": "right", "level left": "left", "level right": "right"}
"""The side to which one looks who goes a way (one of `drive.PASSED`); who rises looks where it did."""


def facing(stack: LayerStack, ways: Mapping[int, str]) -> LayerStack:
    """The stack in which the layers at the places of `ways` look to where these go. Who sits on another turns with it, and nobody
    whom a hand holds does.
    """
    sitting = stack.carriers()
    turning = {
        place: layer.pose.x
        for place, layer in enumerate(stack.layers)
        if layer.looks
        and place not in sitting
        and not layer.held
        and LOOK.get(ways.get(place, "")) == OTHER[layer.looks]
    }
    return turned(stack, turning)


def turned(stack: LayerStack, about: Mapping[int, float]) -> LayerStack:
    """The stack in which the layers at the places of `about` look to the other side, as a mirror through these columns (pixels of
    the picture) shows them, and who sits on them, too.
    """
    riders = {rider: about[carrier] for rider, carrier in stack.carriers().items() if carrier in about}
    layers = list(stack.layers)
    for place, x in (dict(about) | riders).items():
        layer = mirrored(layers[place], place in riders)
        layers[place] = replace(layer, pose=replace(layer.pose, x=2 * x - layer.pose.x))
    return replace(stack, layers=tuple(layers))


def mirrored(layer: Layer, rides: bool = False) -> Layer:
    """A layer that looks to the other side, as a mirror through its middle shows it; one that `rides` what turns, too."""
    pose = replace(layer.pose, angle=-layer.pose.angle)
    seat = _mirrored_seat(layer.seat) if rides and layer.seat else layer.seat
    return replace(layer, rgba=layer.rgba.flip(-1), pose=pose, seat=seat, looks=OTHER.get(layer.looks, ""))


def _mirrored_seat(seat: Seat) -> Seat:
    goal = seat.goal and (-seat.goal[0], *seat.goal[1:])
    return replace(seat, at=(-seat.at[0], seat.at[1]), goal=goal)
