"""pocket's codec: frames to latents and back, 8×8 pixels × 4 frames to a cell, linearly.

The first principal components of 4-frame blocks, learned from data in closed form: one set for pictures, which the student
sees, and one for the light that it adds to them. Blocks know nothing of each other, so chunk by chunk equals all at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.cards.spec import PocketCodecSpec


class PocketCodec(nn.Module):
    """Latents [B, C, T, h, w] ↔ frames [B, 3, 4 T, 8 h, 8 w] in -1..1."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, spec: PocketCodecSpec) -> None:
        super().__init__()
        self.spec = spec
        size = 3 * spec.frames * spec.stride**2
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("basis", torch.eye(size)[:, : spec.channels].contiguous())  # orthonormal columns
        self.register_buffer("scale", torch.ones(spec.channels))

    def encode(self, frames: Tensor) -> Tensor:
        """Frames [B, 3, 4 T, H, W] → latents. Raises ValueError where the sizes do not divide."""
        s, f = self.spec.stride, self.spec.frames
        batch, _, count, height, width = frames.shape
        if height % s or width % s or count % f:
            raise ValueError(
                f"{count} frames of {width}x{height} do not divide into blocks of {f} frames of {s}x{s}"
            )
        x = frames.reshape(batch, 3, count // f, f, height // s, s, width // s, s)
        x = x.permute(0, 2, 4, 6, 3, 1, 5, 7).flatten(4)  # [B, T, h, w, block]
        basis = self.basis / self.scale
        latents = F.linear(x, basis.T.to(x.dtype), -(self.mean @ basis).to(x.dtype))
        return latents.permute(0, 4, 1, 2, 3)

    def decode_linear(self, latents: Tensor) -> Tensor:
        """Latents → frames in about -1..1. Exact for what the components span."""
        s, f = self.spec.stride, self.spec.frames
        batch, _, count, rows, columns = latents.shape
        basis, mean = (self.basis * self.scale).to(latents.dtype), self.mean.to(latents.dtype)
        x = F.linear(latents.permute(0, 2, 3, 4, 1), basis, mean)  # [B, T, h, w, block]
        x = x.view(batch, count, rows, columns, f, 3, s, s).permute(0, 5, 1, 4, 2, 6, 3, 7)
        return x.reshape(batch, 3, count * f, rows * s, columns * s)
