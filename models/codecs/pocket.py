"""pocket's codec: frames to latents and back, 8×8 pixels × 4 frames to a cell.

Encoding is linear: the first principal components of 4-frame blocks, learned from data in closed form.
Decoding starts from the transposed components and corrects the picture with a small convolutional network
that also sees the end of the chunk before, so that blocks do not show and time joins. Every latent frame is
decoded by itself given the one before: decoding chunk by chunk equals decoding at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.codecs.base import State
from models.layers import ResBlock
from models.spec import PocketCodecSpec

KEPT = 1.0  # singular value from which on a direction of the latent shows what stands still (2: wholly)
BLEND = 2  # the correction works on squares of 2×2 pixels


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
        self.correction = Correction(spec)
        self._inverse: Tensor | None = None

    def analyse(self, frames: Tensor) -> Tensor:
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
        latents = x @ basis.to(x.dtype) - (self.mean @ basis).to(x.dtype)
        return latents.permute(0, 4, 1, 2, 3)

    def synthesise(self, latents: Tensor) -> Tensor:
        """The linear inverse: latents → frames in about -1..1. Exact for what the components span."""
        s, f = self.spec.stride, self.spec.frames
        batch, _, count, rows, columns = latents.shape
        basis = (self.basis * self.scale).T.to(latents.dtype)
        x = latents.permute(0, 2, 3, 4, 1) @ basis + self.mean.to(latents.dtype)  # [B, T, h, w, block]
        x = x.view(batch, count, rows, columns, f, 3, s, s).permute(0, 5, 1, 4, 2, 6, 3, 7)
        return x.reshape(batch, 3, count * f, rows * s, columns * s)

    encode = analyse

    def end_frame(self, latents: Tensor) -> Tensor:
        """The last pixel frame of latent frames [B, C, h, w], by linear synthesis: [B, 3, H, W] in about
        -1..1.
        """
        s, batch, rows, columns = self.spec.stride, len(latents), *latents.shape[-2:]
        x = latents.permute(0, 2, 3, 1) @ (self._end(self.basis) * self.scale).T + self._end(self.mean)
        return (
            x.view(batch, rows, columns, 3, s, s)
            .permute(0, 3, 1, 4, 2, 5)
            .reshape(batch, 3, rows * s, columns * s)
        )

    def picture(self, latents: Tensor) -> Tensor:
        """The picture that latent frames [B, C, h, w] end with: [B, 3, H, W] in about -1..1.

        As `end_frame`, but `still` gives back the latent of what stands still exactly. A picture that is passed on from chunk to
        chunk a thousand times neither fades nor rings.
        """
        s, batch, rows, columns = self.spec.stride, len(latents), *latents.shape[-2:]
        coefficients = latents.permute(0, 2, 3, 1) * self.scale + self.mean @ self.basis
        x = (coefficients @ self._ending().T).view(batch, rows, columns, 3, s, s)
        return x.permute(0, 3, 1, 4, 2, 5).reshape(batch, 3, rows * s, columns * s)

    def _ending(self) -> Tensor:
        """[3 * stride^2, C]: from a block's coefficients to its last frame. What stands still goes through the inverse of `still`
        on the directions that it keeps (singular values lie in 0..2), the rest is the block's own last frame.
        """
        if self._inverse is None or self._inverse.device != self.basis.device:
            frames = self.basis.double().view(self.spec.frames, -1, self.spec.channels)
            u, sigma, v = torch.linalg.svd(
                frames.sum(0).T, full_matrices=False
            )  # [C, r], [r], [r, 3 * stride^2]
            kept = sigma > KEPT
            u, sigma, v = u[:, kept], sigma[kept], v[kept]
            rest = torch.eye(len(u), dtype=u.dtype, device=u.device) - u @ u.T
            self._inverse = ((v.T / sigma) @ u.T + frames[-1] @ rest).float()
        return self._inverse

    def still(self, frame: Tensor) -> Tensor:
        """The latent frame [B, C, h, w] of a picture [B, 3, H, W] in -1..1 that does not move."""
        s, (batch, _, height, width) = self.spec.stride, frame.shape
        x = frame.reshape(batch, 3, height // s, s, width // s, s).permute(0, 2, 4, 1, 3, 5).flatten(3)
        summed = self.basis.view(self.spec.frames, -1, self.spec.channels).sum(0) / self.scale
        return (x @ summed - self.mean @ (self.basis / self.scale)).permute(0, 3, 1, 2)

    def _end(self, per_block: Tensor) -> Tensor:
        """The part of a block's values that is its last frame."""
        return per_block.view(self.spec.frames, -1, *per_block.shape[1:])[-1]

    def decode(self, latents: Tensor, last: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latents → frames in -1..1 and the state for what follows.

        `last` [B, C, h, w] is the latent frame before these, None at the start of a stream (then the first
        stands for it).
        """
        if last is None:
            last = latents[:, :, 0]
        before = torch.cat([last[:, :, None], latents[:, :, :-1]], 2)
        linear = self.synthesise(latents.float())  # [B, 3, 4 T, H, W]
        end = self.end_frame(before.transpose(1, 2).flatten(0, 1).float())  # [B T, 3, H, W]
        end = end.unflatten(0, (len(latents), -1)).transpose(1, 2)  # [B, 3, T, H, W]
        correction = self._correct(latents, linear, end)
        return linear + correction, latents[:, :, -1]

    @torch.inference_mode()
    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `models.codecs.base.Codec`; a stream's state is its last latent frame."""
        before = torch.stack([state[0] if state else latents[row, :, 0] for row, state in enumerate(states)])
        frames, last = self.decode(latents, before)
        return frames, [(row.clone(),) for row in last]

    def _correct(self, latents: Tensor, linear: Tensor, end: Tensor) -> Tensor:
        f = self.spec.frames
        count, (height, width) = latents.shape[2], linear.shape[-2:]
        per_latent = linear.unflatten(2, (count, f)).transpose(1, 2)  # [B, T, 3, 4, H, W]
        stack = torch.cat([end.transpose(1, 2)[:, :, :, None], per_latent], 3)  # [B, T, 3, 5, H, W]
        cells = latents.transpose(1, 2).flatten(0, 1)  # [B T, C, h, w]
        out = self.correction(stack.flatten(2, 3).flatten(0, 1), cells)  # [B T, 12, H, W]
        return out.view(-1, count, 3, f, height, width).transpose(1, 2).flatten(2, 3)


class Correction(nn.Module):
    """What linear synthesis gets wrong: ringing, block edges, lost detail. Worked out on squares of 2×2
    pixels.
    """

    def __init__(self, spec: PocketCodecSpec) -> None:
        super().__init__()
        pixels = 3 * BLEND**2
        self.stem = nn.Conv2d(pixels * (spec.frames + 1), spec.width, 3, padding=1)
        self.cells = nn.Conv2d(spec.channels, spec.width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResBlock(spec.width, norm=False) for _ in range(spec.blocks)))
        self.out = nn.Conv2d(spec.width, pixels * spec.frames, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, frames: Tensor, cells: Tensor) -> Tensor:
        """`frames` [B, 15, H, W]: the last of the past and the four, by linear synthesis; `cells` [B, C, h,
        w] the latent.

        Returns what to add to the four, [B, 12, H, W] in fp32.
        """
        dtype = self.stem.weight.dtype
        pixels = F.pixel_unshuffle(frames.to(dtype), BLEND).contiguous(memory_format=torch.channels_last)
        context = self.cells(cells.to(dtype))  # [B, width, h, w]
        hidden = self.stem(pixels) + F.interpolate(context, pixels.shape[-2:], mode="bilinear")
        hidden = F.silu(self.blocks(hidden))
        return F.pixel_shuffle(self.out(hidden), BLEND).float()
