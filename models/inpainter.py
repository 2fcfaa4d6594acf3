"""The inpainter: what may be behind a thing that is taken away (pocket)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.spec import InpainterSpec
from models.unet import UNet


class Inpainter(nn.Module):
    """Pictures [B, 3, H, W] in -1..1 in which things, `core` [B, 1, H, W], are roughly painted over → the same with better ground
    in `hole` [B, 1, H, W], which is the core and the fringe that may show its shadow and seam. Masks are in 0..1.
    """

    def __init__(self, spec: InpainterSpec) -> None:
        super().__init__()
        self.spec = spec
        self.net = UNet(5, 3, spec.widths)
        nn.init.zeros_(self.net.out.weight)
        nn.init.zeros_(self.net.out.bias)  # type: ignore[arg-type]

    def forward(self, rough: Tensor, core: Tensor, hole: Tensor) -> Tensor:
        weight = self.net.out.weight
        change = self.net(torch.cat([rough, core, hole], 1).to(weight)).to(rough)
        return rough + change * hole
