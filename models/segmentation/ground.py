"""Whether what a click found in a picture is a thing, or a piece of ground: sky, grass, a wall."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SOLID = 0.5  # opacity from which on a pixel is what was found
SIDE = 2  # pixels to each side of an outline whose colours are compared
CLEAR = (
    0.15  # of colours in -1..1: where the two sides differ by more, the outline is one that the picture has
)
OUTLINE = 0.5  # what an outline that is clear all along weighs, against the network's opacity at the click
AT_RIM = 0.5  # what lying along all of the picture's rim takes away from a thing as large as the picture
THING = 1.12  # what the three have to make together


def is_ground(picture: Tensor, found: Tensor, taken: Tensor, click: Tensor) -> bool:
    """Whether what a `click` [2] (x, y in pixels) took of a `picture` [3, H, W] in -1..1, opacity `taken` [1, H, W], is a piece of
    ground and no thing.

    A thing has an outline where the picture changes, the network is sure (`found` [1, H, W]) of the point that was meant, and
    little of it lies at the picture's rim for its size. What is found of ground ends anywhere, and at the rim.
    """
    solid = (taken[0] >= SOLID).to(picture)
    if not bool(solid.any()):
        return False
    height, width = solid.shape
    x, y = (int(min(max(float(at), 0), side - 1)) for at, side in zip(click, (width, height), strict=True))
    return thing_score(picture, float(found[0, y, x]), solid) < THING


def thing_score(picture: Tensor, sure: float, solid: Tensor) -> float:
    """How much of a thing it is that a click found in a `picture` [3, H, W] in -1..1: `solid` [H, W], 0 or 1, where the network was
    so `sure` (0..1) of the very point.
    """
    rim = torch.cat([solid[0], solid[-1], solid[:, 0], solid[:, -1]])
    at_rim = float(rim.mean()) / max(float(solid.mean()), 1e-6) ** 0.5
    score: float = sure + OUTLINE * clear_outline(picture, solid) - AT_RIM * at_rim
    return score


def clear_outline(picture: Tensor, solid: Tensor) -> float:
    """The share (0..1) of the outline of `solid` [H, W], 0 or 1, within the picture [3, H, W] along which its two sides differ in
    colour; 0 where it has none.
    """
    outline = (F.max_pool2d(solid[None], 3, 1, 1)[0] - solid) > 0
    if not bool(outline.any()):
        return 0.0
    inside, outside = (_means(picture, where, outline) for where in (solid, 1 - solid))
    return float(((inside - outside).square().sum(0) > CLEAR**2).float().mean())


def _means(picture: Tensor, where: Tensor, about: Tensor) -> Tensor:
    """Mean colours [3, n] of the pixels of `where` [H, W] around each of the n pixels of `about` [H, W]."""
    near = torch.arange(2 * SIDE + 1, device=picture.device)
    rows, columns = about.nonzero(as_tuple=True)
    y, x = rows[:, None, None] + near[:, None], columns[:, None, None] + near  # [n, 5, 1] and [n, 1, 5]
    both = F.pad(torch.cat([picture * where, where[None]]), (SIDE, SIDE, SIDE, SIDE))
    sums = both[:, y, x].sum((-1, -2))  # [4, n, 5, 5] → [4, n]
    return sums[:3] / sums[3:].clamp_min(1e-4)
