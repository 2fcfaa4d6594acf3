"""Where an object is in a frame, read from its pixels. Frames are float [3, H, W] in 0..1."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.training.world.sprites import SpriteBook

SEARCH = 40  # pixels around the place asked for; an object that is not found there is lost
FOUND = 0.5  # of the error of an ordinary place that must be gone where an object is found


class Sighting(NamedTuple):
    """Where an object fits best, in pixels; how much better than in the middle of all other places: 1 where it is seen exactly, 0
    where it is no more there than elsewhere; and how its pixels differ there from its picture (root mean square, colours 0..1).
    """

    x: float
    y: float
    explained: float
    difference: float


def locate(
    frame: Tensor, book: SpriteBook, name: str, centre: tuple[float, float], size: float, angle: float
) -> Sighting:
    """Where an object is in `frame` [3, H, W], looked for within SEARCH pixels of `centre`.

    The object's picture is laid over every place; the least masked squared error wins, refined to parts of a pixel.
    """
    edge = 2 * int(size * 0.75) + 1
    middle = torch.tensor([[edge / 2, edge / 2]])
    layer, _ = book.draw(name, middle, torch.tensor([size]), torch.tensor([angle]), edge)
    colour, alpha = layer[0, :3], layer[0, 3:]
    x0, y0 = round(centre[0] - 0.5), round(centre[1] - 0.5)
    reach = edge // 2 + SEARCH
    padded = F.pad(frame[None], (reach, reach, reach, reach), "replicate")[0]
    region = padded[:, y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1][None]
    target = colour / alpha.clamp_min(1e-3)
    square = F.conv2d(region.square(), alpha.expand(3, -1, -1)[None])
    cross = F.conv2d(region, (alpha * target)[None])
    error = (square - 2 * cross + (alpha * target.square()).sum())[0, 0]
    best = int(error.argmin())
    row, column = divmod(best, error.shape[1])
    weight = float(alpha.sum())
    elsewhere = error.median().clamp_min(1e-3 * weight)
    least = max(0.0, float(error.min()))
    dx, dy = _refine(error, row, column)
    return Sighting(
        x0 + 0.5 + column - SEARCH + dx,
        y0 + 0.5 + row - SEARCH + dy,
        1 - least / float(elsewhere),
        math.sqrt(least / (3 * weight)),
    )


def _refine(error: Tensor, row: int, column: int) -> tuple[float, float]:
    """The minimum of parabolas through the best place and its neighbours, in pixels."""

    def vertex(left: float, middle: float, right: float) -> float:
        bend = left - 2 * middle + right
        return 0.0 if bend <= 0 else max(-0.5, min(0.5, 0.5 * (left - right) / bend))

    rows, columns = error.shape
    dx = dy = 0.0
    if 0 < column < columns - 1:
        dx = vertex(*(float(error[row, column + k]) for k in (-1, 0, 1)))
    if 0 < row < rows - 1:
        dy = vertex(*(float(error[row + k, column]) for k in (-1, 0, 1)))
    return dx, dy
