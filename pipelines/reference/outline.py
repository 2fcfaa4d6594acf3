"""Regions of a picture as polygons, and polygons as regions. Coordinates of polygons are normalised to the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from contourpy import contour_generator
from PIL import Image, ImageDraw
from torch import Tensor

Polygons = tuple[tuple[tuple[float, float], ...], ...]
SMOOTH = 0.004  # of the picture's shorter side: a corner that changes an outline by less is left out
CRUMB = 0.03  # of the largest part's area: smaller islands and holes of a find are the segmenter's mistakes
SMALLEST = 12.0  # pixels: an outline around less is a speck


def outline(opacity: Tensor) -> Polygons:
    """The rims of a region, `opacity` [H, W] in 0..1, at 0.5: closed polygons (x, y), even-odd, at most a few hundred points."""
    height, width = opacity.shape
    rims = []
    for line in _rims(opacity):
        if _area(line) < SMALLEST:
            continue
        kept = _simplified(line, SMOOTH * min(height, width))
        rims.append(tuple((float(x) / width, float(y) / height) for x, y in kept))
    return tuple(sorted(rims, key=len, reverse=True))


def _rims(opacity: Tensor) -> list[np.ndarray]:
    """Closed lines of (x, y) in pixels around what is at least 0.5 of `opacity` [H, W], and around its holes."""
    padded = np.pad(opacity.detach().cpu().float().numpy(), 1)
    lines = contour_generator(z=padded, name="serial").lines(0.5)
    # Pixel centres lie at halves, and the frame of zeros is one pixel wide.
    rims = [np.asarray(line)[:-1] - 0.5 for line in lines]
    return [rim for rim in rims if len(rim) >= 3]


def without_crumbs(opacity: Tensor) -> Tensor:
    """`opacity` [H, W] without islands that are small compared with its largest part, and with holes filled that are as small."""
    height, width = opacity.shape
    rims = _rims(opacity)
    areas = [_area(rim) for rim in rims]
    largest = max(areas, default=0.0)
    least = min(max(CRUMB * largest, SMALLEST), largest)
    kept = [rim / (width, height) for rim, area in zip(rims, areas, strict=True) if area >= least]
    if len(kept) == len(rims):
        return opacity
    body = filled(kept, (height, width)).to(opacity)[None]
    near, inner = F.max_pool2d(body, 5, 1, 2)[0], -F.max_pool2d(-body, 5, 1, 2)[0]
    return torch.maximum(opacity, inner) * near


def filled(polygons: Sequence[Sequence[tuple[float, float]] | np.ndarray], size: tuple[int, int]) -> Tensor:
    """The region inside polygons (even-odd) in a picture of `size` (H, W): [H, W] of 0 and 1."""
    height, width = size
    region = np.zeros((height, width), bool)
    for polygon in polygons:
        mask = Image.new("1", (width, height))
        ImageDraw.Draw(mask).polygon([(x * width, y * height) for x, y in polygon], fill=1)
        region ^= np.asarray(mask)
    return torch.from_numpy(region).float()


def _area(points: np.ndarray) -> float:
    x, y = points.T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def _simplified(points: np.ndarray, tolerance: float) -> np.ndarray:
    """A closed line with fewer corners (Douglas and Peucker 1973), from its two most distant points on."""
    far = int(np.argmax(((points - points[0]) ** 2).sum(1)))
    first, second = (
        _between(points[: far + 1], tolerance),
        _between(np.r_[points[far:], points[:1]], tolerance),
    )
    return np.concatenate([first[:-1], second[:-1]])


def _between(points: np.ndarray, tolerance: float) -> np.ndarray:
    if len(points) < 3:
        return points
    way = points[-1] - points[0]
    away = points[1:-1] - points[0]
    distance = np.abs(way[0] * away[:, 1] - way[1] * away[:, 0]) / max(float(np.hypot(*way)), 1e-9)
    if not way.any():
        distance = np.hypot(*away.T)
    at = int(np.argmax(distance))
    if distance[at] <= tolerance:
        return points[[0, -1]]
    return np.concatenate([_between(points[: at + 2], tolerance)[:-1], _between(points[at + 1 :], tolerance)])
