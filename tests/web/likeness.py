"""Whether a picture shows an object at a place, by the correlation with a cut-out of it."""

from __future__ import annotations

import numpy as np

RADIUS = 28
SEARCH = 8


def cut_out(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    """The square around a point of the frame (normalised), float [2R, 2R, 3]; it has to lie in the picture."""
    height, width = picture.shape[:2]
    left, top = round(x * width) - RADIUS, round(y * height) - RADIUS
    square = picture[max(0, top) : top + 2 * RADIUS, max(0, left) : left + 2 * RADIUS].astype(float)
    assert square.shape[:2] == (2 * RADIUS, 2 * RADIUS), f"({x}, {y}) is too near the edge"
    return square


def likeness(object_: np.ndarray, picture: np.ndarray, x: float, y: float) -> float:
    """The best correlation, up to 1, of a cut-out with the squares up to `SEARCH` pixels around a point."""
    height, width = picture.shape[:2]
    steps = range(-SEARCH, SEARCH + 1, 2)
    return max(
        _correlation(object_, cut_out(picture, x + right / width, y + down / height))
        for right in steps
        for down in steps
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean((0, 1)), b - b.mean((0, 1))
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm else 0.0
