"""Where a layer stands, and the one fit that turns tracks into a motion: a similarity (shift, turn, size)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

Points = np.ndarray
SPREAD = 4.0  # pixels: points nearer together than this say where a thing goes, but not how it turns
GROWTH = (0.5, 2.0)  # in one chunk a thing is made no smaller and no larger than this by its tracks


@dataclass(frozen=True)
class Similarity:
    """p → scale * R(angle) p + shift, in pixels; angles in radians, y downwards."""

    scale: float = 1.0
    angle: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def __call__(self, points: Points) -> Points:
        """Points [..., 2] where it takes them."""
        made: Points = points @ self.linear.T + (self.x, self.y)
        return made

    @property
    def linear(self) -> np.ndarray:
        """Its matrix [2, 2]."""
        cos, sin = self.scale * math.cos(self.angle), self.scale * math.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]])

    def after(self, first: Similarity) -> Similarity:
        """`first`, then this."""
        x, y = self(np.array([first.x, first.y])).tolist()
        return Similarity(self.scale * first.scale, self.angle + first.angle, x, y)

    @property
    def inverse(self) -> Similarity:
        back = Similarity(1 / self.scale, -self.angle)
        x, y = (-back(np.array([self.x, self.y]))).tolist()
        return replace(back, x=x, y=y)

    @property
    def moves(self) -> bool:
        return self != STILL


STILL = Similarity()


def fit(before: Points, after: Points) -> Similarity:
    """The similarity that takes points [n, 2] nearest to others (least squares; Umeyama 1991), n ≥ 1.

    One point, or points close together, only shift.
    """
    middle, goal = before.mean(0), after.mean(0)
    a, b = before - middle, after - goal
    size = float((a**2).sum())
    scale, angle = 1.0, 0.0
    if size > len(before) * SPREAD**2:
        along, across = float((a * b).sum()), float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())
        angle = math.atan2(across, along)
        scale = min(max(math.hypot(along, across) / size, GROWTH[0]), GROWTH[1])
    turn = Similarity(scale, angle)
    x, y = (goal - turn(middle)).tolist()
    return replace(turn, x=x, y=y)


def turned_about(centre: tuple[float, float], angle: float, shift: tuple[float, float]) -> Similarity:
    """A turn by `angle` about `centre`, then a shift."""
    turn = Similarity(1.0, angle)
    x, y = (np.asarray(centre) + shift - turn(np.asarray(centre))).tolist()
    return replace(turn, x=x, y=y)
