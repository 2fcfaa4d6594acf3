"""The inpainter: what may be behind a thing that is taken away (pocket).

It chooses rather than invents: for each pixel of a hole it weighs the nearest colours that are known above, below, left and right
of it, and the paint that is there already. Where it may be sky or hill, it takes one of the two and not a colour that neither has.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.spec import InpainterSpec
from models.unet import UNet

SIDES = 4  # above, below, left, right
TOUCH = 0.15  # how far a colour in -1..1 may be from those that were weighed: for slopes of light
BRUSH = 5  # pixels: edge of the square of which a known colour is the mean


class Inpainter(nn.Module):
    """Pictures [B, 3, H, W] in -1..1 in which things, `core` [B, 1, H, W], are roughly painted over → the same with better ground
    in `hole` [B, 1, H, W], which is the core and the fringe that may show its shadow and seam. Masks are in 0..1.
    """

    def __init__(self, spec: InpainterSpec) -> None:
        super().__init__()
        self.spec = spec
        self.net = UNet(5 + 3 * SIDES, SIDES + 1 + 3, spec.widths)
        nn.init.zeros_(self.net.out.weight)
        nn.init.zeros_(self.net.out.bias)  # type: ignore[arg-type]

    def forward(self, rough: Tensor, core: Tensor, hole: Tensor) -> Tensor:
        weight = self.net.out.weight
        around = nearest_known(rough, hole)  # [B, SIDES, 3, H, W]
        seen = torch.cat([rough, core, hole, around.flatten(1, 2)], 1)
        out = self.net(seen.to(weight)).to(rough)
        shares = out[:, : SIDES + 1].softmax(1)[:, :, None]
        mixed = (torch.cat([around, rough[:, None]], 1) * shares).sum(1)
        return rough + (mixed + TOUCH * out[:, SIDES + 1 :].tanh() - rough) * hole


def nearest_known(picture: Tensor, hole: Tensor) -> Tensor:
    """The colour nearest to each pixel of `picture` [B, 3, H, W] outside `hole` [B, 1, H, W], above, below, left and right of it:
    [B, SIDES, 3, H, W]. Where there is none, and outside holes, the picture's own.
    """
    known = (hole < 0.5).to(picture.dtype)
    amount = F.avg_pool2d(known, BRUSH, 1, BRUSH // 2)
    colour = F.avg_pool2d(picture * known, BRUSH, 1, BRUSH // 2) / amount.clamp_min(1e-4)
    sides = [_along(colour, known > 0.5, picture, dim, turned) for dim in (2, 3) for turned in (False, True)]
    return torch.stack(sides, 1)


def _along(colour: Tensor, known: Tensor, picture: Tensor, dim: int, turned: bool) -> Tensor:
    """What is known last on the way along axis `dim`, against it where `turned`."""
    if turned:
        return _along(colour.flip(dim), known.flip(dim), picture.flip(dim), dim, False).flip(dim)
    shape = [1, 1, 1, 1]
    shape[dim] = known.shape[dim]
    place = torch.arange(known.shape[dim], device=known.device).view(shape)
    last = torch.where(known, place, -1).cummax(dim).values  # [B, 1, H, W]
    found = colour.gather(dim, last.clamp_min(0).expand_as(colour))
    return torch.where(known | (last < 0), picture, found)
