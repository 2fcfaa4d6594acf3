"""Three-dimensional rotary positions by cache slot.

The head is split into pairs for time, row and column as in Wan 2.1 (a head of 128: 22, 21 and 21 pairs). Time
is not the frame's number in the stream but its place in the attended context (MotionStream §3.2): sink frames
first, then the window, then the chunk being made. So chunk 100,000 sees the same angles as chunk 10.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

THETA = 10_000.0  # as Wan was trained with


def rope_angles(head_dim: int, frames: range, rows: int, columns: int) -> Tensor:
    """Angles [len(frames) * rows * columns, head_dim // 2] in fp64, tokens in the order frame, row, column."""
    spatial = head_dim // 6  # pairs of each spatial axis
    sizes = (head_dim // 2 - 2 * spatial, spatial, spatial)
    axes = (torch.arange(frames.start, frames.stop), torch.arange(rows), torch.arange(columns))
    shape = (len(frames), rows, columns)
    parts = []
    for axis, (position, pairs) in enumerate(zip(axes, sizes, strict=True)):
        frequency = THETA ** -(torch.arange(pairs, dtype=torch.float64) / pairs)
        angle = position.to(torch.float64)[:, None] * frequency
        view = [1, 1, 1, pairs]
        view[axis] = len(position)
        parts.append(angle.view(view).expand(*shape, pairs))
    return torch.cat(parts, -1).reshape(-1, head_dim // 2)


class RopeTable:
    """Cosines and sines for `frames` latent frames of one grid, in the model's device and type."""

    def __init__(
        self, head_dim: int, frames: int, rows: int, columns: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        angles = rope_angles(head_dim, range(frames), rows, columns)
        self.tokens = rows * columns
        self.cos = angles.cos().to(device, dtype)  # [frames * tokens, head_dim // 2]
        self.sin = angles.sin().to(device, dtype)

    def rotate(self, x: Tensor, first_frame: int) -> Tensor:
        """Rotates queries or keys [B, L, H, D] that start at latent frame `first_frame` of the context."""
        start = first_frame * self.tokens
        stop = start + x.shape[1]
        return rotate(x, self.cos[start:stop], self.sin[start:stop])

    def part(self, first: int, frames: int) -> RopeTable:
        """The table of `frames` latent frames from `first` on; nothing is copied."""
        table = copy.copy(self)
        run = slice(first * self.tokens, (first + frames) * self.tokens)
        table.cos, table.sin = self.cos[run], self.sin[run]
        return table

    def turns(self, places: list[int], frames: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines [L, D // 2] of runs of `frames` latent frames that start at `places`."""
        runs = [slice(place * self.tokens, (place + frames) * self.tokens) for place in places]
        return torch.cat([self.cos[run] for run in runs]), torch.cat([self.sin[run] for run in runs])


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates interleaved pairs of `x` [B, L, H, D] by angles given as cos and sin [L, D // 2]."""
    if (
        x.dtype == torch.float32
    ):  # the same product as one of complex numbers, which a CPU makes in a tenth of the time
        turn = torch.complex(cos, sin)[None, :, None]
        return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turn).flatten(-2)
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)  # [B, L, H, D // 2] each
    cos, sin = cos[None, :, None], sin[None, :, None]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)
