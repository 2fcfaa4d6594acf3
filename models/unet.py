"""A small U-shaped network from pictures to pictures."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.layers import ResBlock


class UNet(nn.Module):
    """[B, inputs, H, W] → [B, outputs, H, W]; `widths` are channels at 1/2, 1/4, … of the size, of which H and W are multiples."""

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.enter = nn.Conv2d(inputs, widths[0], 4, 2, 1)
        self.before = nn.ModuleList(ResBlock(width) for width in widths)
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 4, 2, 1) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self.after = nn.ModuleList(ResBlock(width) for width in widths)
        self.norm = nn.GroupNorm(8, widths[0])
        self.out = nn.Conv2d(widths[0], 4 * outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)  # [B, widths[0], H / 2, W / 2]
        levels = []
        for block, down in zip(self.before, self.down, strict=False):
            levels.append(block(x))
            x = down(levels[-1])
        x = self.after[-1](self.before[-1](x))
        for up, block in zip(reversed(self.up), reversed(self.after[:-1]), strict=True):
            x = block(levels.pop() + F.interpolate(up(x), scale_factor=2.0, mode="nearest"))
        return F.pixel_shuffle(self.out(F.silu(self.norm(x))), 2)
