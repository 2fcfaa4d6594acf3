"""The cutter: from a picture and the points that a hand touches to the opacity of the thing that it holds (pocket).

A small U-shaped network on a square around the hand. Colours alone cannot tell where one thing ends when it stands before another.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.spec import CutterSpec
from models.unet import UNet

SEEN = 5  # channels: the picture, where it is touched, where it has pixels at all
TOUCH = 4.0  # pixels: standard deviation of the spot that marks a point


class Cutter(UNet):
    """Squares [B, SEEN, edge, edge] → logits of the opacity [B, 1, edge, edge]."""

    def __init__(self, spec: CutterSpec) -> None:
        super().__init__(SEEN, 1, spec.widths)
        self.spec = spec


def square(frame: Tensor, points: Tensor, edge: int) -> tuple[Tensor, tuple[int, int]]:
    """What the cutter sees of `frame` [3, H, W] in -1..1 around `points` [n, 2] in pixels: [SEEN, edge, edge], and the square's
    left top corner (x, y), which may lie outside the frame.
    """
    height, width = frame.shape[-2:]
    left, top = (round(float(middle)) - edge // 2 for middle in points.mean(0))
    out = frame.new_zeros(SEEN, edge, edge)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + edge, width), min(top + edge, height)
    if x0 < x1 and y0 < y1:
        inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        out[:3, *inside] = frame[:, y0:y1, x0:x1]
        out[4, *inside] = 1
    y = torch.arange(edge, device=frame.device)[:, None] + (top + 0.5)
    x = torch.arange(edge, device=frame.device)[None] + (left + 0.5)
    away = (x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2  # [edge, edge, n]
    out[3] = torch.exp(away.amin(-1) / (-2 * TOUCH**2))
    return out, (left, top)
