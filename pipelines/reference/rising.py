"""Riders on their way to a seat or down from one, frame by frame: rigid steps, as those of hands. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.reference.pose import Similarity


def rise(stack: LayerStack, steps: list[list[Similarity]]) -> list[list[Similarity]]:
    """What each layer does in each frame of a chunk, with what those do in addition who are on their way."""
    under = {place: stack.layers[carrier].pose for place, carrier in stack.carriers().items()}
    return [
        [
            step.after(part)
            for step, part in zip(given, _parts(layer, under.get(place), len(given)), strict=True)
        ]
        if layer.seat is not None and layer.seat.goal is not None and not layer.held
        else given
        for place, (layer, given) in enumerate(zip(stack.layers, steps, strict=True))
    ]


def risen(layer: Layer) -> Layer:
    """The layer a chunk later: its seat is nearer to where it is to be."""
    seat = layer.seat
    if seat is None or seat.goal is None or layer.held:
        return layer
    if seat.chunks > 1:
        return replace(layer, seat=replace(seat, at=_next(seat), chunks=seat.chunks - 1))
    return replace(layer, seat=replace(seat, at=seat.goal[:2], goal=None, chunks=0.0) if seat.label else None)


def _next(seat: Seat) -> tuple[float, float]:
    """Where the seat is at the end of the chunk."""
    assert seat.goal is not None
    across, down = (
        now + (goal - now) / seat.chunks for now, goal in zip(seat.at, seat.goal[:2], strict=True)
    )
    return across, down


def _parts(layer: Layer, under: Similarity | None, frames: int) -> Sequence[Similarity]:
    """Of each frame the way gone since the chunk began, in the picture; `under` is the pose of who is sat on."""
    seat = layer.seat
    assert seat is not None and seat.goal is not None
    pose = under or Similarity()
    here, there = pose(np.array(seat.at)), pose(np.array(_next(seat)))
    grown = (seat.goal[2] / layer.pose.scale - 1) / seat.chunks
    parts = []
    for frame in range(1, frames + 1):
        scale = 1 + grown * frame / frames
        x, y = np.array([layer.pose.x, layer.pose.y]) * (1 - scale) + (there - here) * frame / frames
        parts.append(Similarity(scale, 0.0, float(x), float(y)))
    return parts
