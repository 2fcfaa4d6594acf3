"""Pictures made of blocks: a linear synthesis, with convolutions on top, or with more codes for the blocks that need them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.layers import ResBlock


class CodeDecoder(nn.Module):
    """Codes [B, channels, h, w] → pictures [B, outputs, h * stride, w * stride]: a linear synthesis of blocks, and convolutions at
    1/stride, 2/stride, … of the size that add what blocks cannot show.
    """

    basis: Tensor
    mean: Tensor

    def __init__(self, channels: int, outputs: int, stride: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        left = stride >> (len(widths) - 1)  # what the last shuffle makes up for
        if left << (len(widths) - 1) != stride or left < 1:
            raise ValueError(f"stride {stride} does not fit {len(widths)} levels: each one halves it")
        self.register_buffer("basis", _patterns(channels, outputs, stride))
        self.register_buffer("mean", torch.full((outputs, stride, stride), 0.5))
        self.enter = nn.Conv2d(channels + 2, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(ResBlock(width, norm=False) for width in widths)
        self.up = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for coarse, fine in pairwise(widths))
        self.out = nn.Conv2d(widths[-1], outputs * left**2, 3, padding=1)
        self.left = left
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, codes: Tensor) -> Tensor:
        plain = synthesis(codes, self.basis, self.mean)
        x = self.blocks[0](self.enter(torch.cat([codes, _coordinates(codes)], 1)))
        for up, block in zip(self.up, self.blocks[1:], strict=True):
            x = block(F.pixel_shuffle(up(F.silu(x)), 2))
        return plain + F.pixel_shuffle(self.out(F.silu(x)), self.left)


class BlockBook(nn.Module):
    """A book of `count` pictures in each of a few sizes; these are `grids` (rows, columns) of square blocks of `stride` pixels.

    Most blocks of a painted picture are nearly of one colour: every block has `plain` codes, and the `details` that need it most,
    of all blocks in the book, have `fine` ones in addition.
    """

    where: Tensor
    plain_basis: Tensor
    fine_basis: Tensor
    mean: Tensor

    def __init__(
        self, count: int, grids: Sequence[tuple[int, int]], stride: int, plain: int, fine: int, details: int
    ) -> None:
        super().__init__()
        self.grids, self.count = tuple(grids), count
        self.plain = nn.ParameterList(torch.zeros(count, plain, *grid) for grid in grids)
        self.fine = nn.Parameter(torch.zeros(details, fine))
        self.register_buffer(
            "where", torch.arange(details)
        )  # rising numbers of blocks, size after size, row by row
        self.register_buffer("plain_basis", _patterns(plain, 3, stride))
        self.register_buffer("fine_basis", _patterns(fine, 3, stride))
        self.register_buffer("mean", torch.full((3, stride, stride), 0.5))

    def forward(self, size: int, number: int) -> Tensor:
        """Picture `number` of the size number `size`: [3, H, W], 0..1 but for small errors."""
        rows, columns = self.grids[size]
        before = sum(self.count * height * width for height, width in self.grids[:size])
        start = before + number * rows * columns
        ends = torch.tensor([start, start + rows * columns], device=self.where.device)
        first, last = torch.searchsorted(self.where, ends).tolist()
        fine = self.fine.new_zeros(rows * columns, self.fine.shape[1])
        fine[self.where[first:last] - start] = self.fine[first:last]
        detail = fine.T.unflatten(1, (rows, columns))[None]
        codes = torch.cat([self.plain[size][number][None], detail], 1)
        return synthesis(codes, torch.cat([self.plain_basis, self.fine_basis]), self.mean)[0]


def synthesis(codes: Tensor, basis: Tensor, mean: Tensor) -> Tensor:
    """Codes [B, C, h, w] of blocks as a picture: sums of the patterns `basis` [C, outputs, s, s], and `mean` [outputs, s, s]."""
    return F.conv_transpose2d(codes, basis, stride=basis.shape[-1]) + mean.repeat(1, *codes.shape[2:])


def _patterns(channels: int, outputs: int, stride: int) -> Tensor:
    """Any patterns, always the same, until better ones are fitted: an untrained model must show something, too."""
    generator = torch.Generator().manual_seed(channels)
    return torch.randn(channels, outputs, stride, stride, generator=generator) * 0.1


def _coordinates(codes: Tensor) -> Tensor:
    """x and y of every cell of [B, C, h, w] in -1..1: [B, 2, h, w]."""
    rows, columns = (
        torch.linspace(-1, 1, side, device=codes.device, dtype=codes.dtype) for side in codes.shape[2:]
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y]).expand(len(codes), -1, -1, -1)
