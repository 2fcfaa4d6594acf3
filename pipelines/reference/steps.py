"""What hands and camera do to layers in each frame of a chunk: similarities, fitted to the chunk's tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.pose import STILL, Similarity, fit
from flowbrush.pipelines.reference.rising import rise

PARALLAX = 0.25  # of a pan: how much further what is nearest moves than the background


@dataclass(frozen=True)
class TrackRows:
    """One chunk's tracks in pixels: `hands` [N] (-1: points of the scene), `xy` [N, 1 + F, 2] from the last frame of the past on,
    `visible` [N, 1 + F].
    """

    hands: np.ndarray
    xy: np.ndarray
    visible: np.ndarray


def camera_steps(rows: TrackRows) -> list[Similarity]:
    """What the camera has done since the end of the past in each frame, from the scene's points; STILL where there are none."""
    frames = rows.xy.shape[1] - 1
    scene = rows.hands < 0
    return [_fit(rows, scene, frame) for frame in range(1, 1 + frames)]


def hand_steps(rows: TrackRows, hands: frozenset[int]) -> list[Similarity]:
    """What the hands that hold one layer have done to it since the end of the past, in each frame."""
    chosen = np.isin(rows.hands, list(hands))
    steps: list[Similarity] = []
    for frame in range(1, rows.xy.shape[1]):
        step = _fit(rows, chosen, frame)
        # A hand that is hidden for a while leaves the thing where it had it.
        steps.append(step if step.moves or not steps or _seen(rows, chosen, frame) else steps[-1])
    return steps


def _seen(rows: TrackRows, chosen: np.ndarray, frame: int) -> bool:
    return bool((chosen & rows.visible[:, 0] & rows.visible[:, frame]).any())


def _fit(rows: TrackRows, chosen: np.ndarray, frame: int) -> Similarity:
    known = chosen & rows.visible[:, 0] & rows.visible[:, frame]
    if not known.any():
        return STILL
    return fit(rows.xy[known, 0].astype(np.float64), rows.xy[known, frame].astype(np.float64))


def layer_steps(stack: LayerStack, rows: TrackRows, camera: Sequence[Similarity]) -> list[list[Similarity]]:
    """What each layer does in each frame: who is on one that a hand holds goes with it."""
    steps = [
        hand_steps(rows, layer.hands) if layer.held else [nearer(step, layer.depth) for step in camera]
        for layer in stack.layers
    ]
    for rider, carrier in stack.carriers().items():
        steps[rider] = steps[carrier]
    return rise(stack, steps)


def nearer(step: Similarity, depth: float) -> Similarity:
    """A camera's step as something at `depth` 0..1 shows it: what is near is carried further (parallax)."""
    if not step.moves:
        return step
    return replace(step, x=step.x * (1 + PARALLAX * depth), y=step.y * (1 + PARALLAX * depth))
