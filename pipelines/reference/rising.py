"""Riders on their way to a seat or down from one, frame by frame: rigid steps, as those of hands. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.reference.pose import Similarity


def rise(stack: LayerStack, steps: list[list[Similarity]]) -> list[list[Similarity]]:
    """What each layer does in each frame of a chunk, with what those do in addition who are on their way, or sit on such a one."""
    sitting, parts = stack.carriers(), dict[int, Sequence[Similarity]]()
    for place, layer in enumerate(stack.layers):
        if _on_its_way(layer) and place not in sitting:
            parts[place] = _parts(layer, Similarity(), [Similarity()] * len(steps[place]))
    for place, carrier in sitting.items():
        layer, under = stack.layers[place], stack.layers[carrier].pose
        moved = [part.after(under) for part in parts.get(carrier, ())]
        if moved or _on_its_way(layer):
            parts[place] = _parts(layer, under, moved or [under] * len(steps[place]))
    return [
        [step.after(part) for step, part in zip(given, parts[place], strict=True)]
        if place in parts
        else given
        for place, given in enumerate(steps)
    ]


def _on_its_way(layer: Layer) -> bool:
    return layer.seat is not None and layer.seat.goal is not None and not layer.held


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
    if seat.goal is None:
        return seat.at
    across, down = (
        now + (goal - now) / seat.chunks for now, goal in zip(seat.at, seat.goal[:2], strict=True)
    )
    return across, down


def _parts(layer: Layer, begun: Similarity, under: Sequence[Similarity]) -> Sequence[Similarity]:
    """Of each frame the way gone since the chunk began, in the picture. Who is sat on had the pose `begun` then, and has that of
    `under` frame by frame.
    """
    seat, frames = layer.seat, len(under)
    assert seat is not None
    at, to, here = np.array(seat.at), np.array(_next(seat)), np.array([layer.pose.x, layer.pose.y])
    grown = (seat.goal[2] / layer.pose.scale - 1) / seat.chunks if seat.goal else 0.0
    parts = []
    for frame, pose in enumerate(under, 1):
        scale = 1 + grown * frame / frames
        x, y = here * (1 - scale) + pose(at + (to - at) * frame / frames) - begun(at)
        parts.append(Similarity(scale, 0.0, float(x), float(y)))
    return parts
