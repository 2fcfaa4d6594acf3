"""Hands that judge a segmenter: where they click, and how well what they get agrees with what they meant."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

SOLID = 0.5  # opacity from which on a pixel is the thing's
SPECK = 8  # pixels: a smaller mistake is not clicked on


class Segmenter(Protocol):
    def segment(
        self, picture: Tensor, add: Tensor, remove: Tensor, region: Tensor | None = None
    ) -> Tensor: ...


@dataclass(frozen=True)
class Judged:
    """Agreement with the truth after one click and after a second one, 0..1, and milliseconds of a click."""

    one: float
    two: float
    milliseconds: float


def judge(segmenter: Segmenter, picture: Tensor, truth: Tensor) -> Judged:
    """Clicks where the thing of opacity `truth` [H, W] is thickest in `picture` [3, H, W] in -1..1, then in the middle of the
    larger mistake: to add what is missing, or to take away what is too much.
    """
    first, nothing = thickest(truth > SOLID)[None], torch.zeros(0, 2)
    began = time.perf_counter()
    found = segmenter.segment(picture, first, nothing, None)[0]
    seconds = time.perf_counter() - began
    missing, surplus = (truth > SOLID) & (found <= SOLID), (found > SOLID) & (truth <= SOLID)
    one = two = overlap(found, truth)
    more = missing if missing.sum() >= surplus.sum() else surplus
    if int(more.sum()) > SPECK:
        click = thickest(more)[None]
        add, remove = (torch.cat([first, click]), nothing) if more is missing else (first, click)
        two = overlap(segmenter.segment(picture, add, remove, None)[0], truth)
    return Judged(one, two, 1000 * seconds)


def overlap(found: Tensor, truth: Tensor) -> float:
    """Intersection over union of two opacities [H, W], counted in parts of pixels."""
    return float(torch.minimum(found, truth).sum() / torch.maximum(found, truth).sum().clamp_min(1e-6))


def thickest(region: Tensor) -> Tensor:
    """The point (x, y) in the middle of a pixel of `region` [H, W], not empty, that is farthest from where it ends."""
    left = F.pad(region.float()[None, None], (1, 1, 1, 1))
    while True:
        smaller = -F.max_pool2d(-left, 3, 1, 1)
        if not bool(smaller.any()):
            break
        left = smaller
    places = left[0, 0].nonzero() - 1  # [n, 2] (row, column)
    middle = places[len(places) // 2]
    return middle.flip(0).float() + 0.5
