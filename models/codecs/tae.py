"""The tiny autoencoder of Wan latents (TAEHV's file format), with an exact streaming state in both directions.

It takes and gives the student's normalised latents as they are. All frames of a chunk are worked on together;
each of a direction's nine memory blocks needs the one frame before the chunk, and those nine frames are its
whole state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.cards.spec import TaeSpec
from flowbrush.models.codecs.base import FRAMES, State, hold_first


class MemoryBlock(nn.Module):
    """Three convolutions over a frame together with the frame before it, and a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(2 * width, width), nn.ReLU(), _conv(width, width), nn.ReLU(), _conv(width, width)
        )

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """`x` [B, T, C, h, w] and the frame `before` it [B, C, h, w] → the same shape as `x`."""
        past = torch.cat([before[:, None], x[:, :-1]], 1)
        out = self.conv(torch.cat([x, past], 2).flatten(0, 1)).view_as(x)
        return F.relu(out + x)


class Grow(nn.Module):
    """Every frame becomes `stride` frames, by a pointwise convolution."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(width, width * stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C, h, w] → [B, T × stride, C, h, w]"""
        out = self.conv(x.flatten(0, 1))
        made: Tensor = out.unflatten(1, (self.stride, -1)).flatten(0, 1).unflatten(0, (len(x), -1))
        return made


class Pool(nn.Module):
    """Every `stride` frames become one, by a pointwise convolution."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(width * stride, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T × stride, C, h, w] → [B, T, C, h, w]"""
        out = self.conv(x.unflatten(1, (-1, self.stride)).flatten(2, 3).flatten(0, 1))
        made: Tensor = out.unflatten(0, (len(x), -1))
        return made


class TinyCodec(nn.Module):
    """Latents [B, C, T, h, w] ↔ frames; `encoder` and `decoder` are laid out, and their parameters named, as
    in the published files.
    """

    def __init__(self, spec: TaeSpec) -> None:
        super().__init__()
        self.spec = spec
        self.encoder, self.decoder = _encoder(spec), _decoder(spec)

    def decode(self, latents: Tensor, before: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Frames [B, 3, 4 T, H, W] in 0..1, not clamped, and the frame that each memory block saw last.

        `before` are those frames of the chunk before; None at the start, where they are zero.
        """
        x = (torch.tanh(latents.to(self._dtype) / 3) * 3).transpose(1, 2)  # [B, T, C, h, w]
        x, seen = _walk(list(self.decoder)[1:], x, before)
        if self.spec.patch > 1:
            x = F.pixel_shuffle(x, self.spec.patch)
        return x.transpose(1, 2), seen

    @torch.inference_mode()
    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `flowbrush.models.codecs.base.Codec`."""
        frames, seen = self.decode(latents, _together(states))
        frames = hold_first(frames.float().clamp(0, 1) * 2 - 1, states, 3)
        return frames, _apart(seen, len(latents))

    @torch.inference_mode()
    def encode(self, frames: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `flowbrush.models.codecs.base.EncodingCodec`."""
        x = (frames.to(self._dtype) + 1).div(2).transpose(1, 2)  # [B, 4 T, 3, H, W] in 0..1
        if self.spec.patch > 1:
            x = F.pixel_unshuffle(x, self.spec.patch)
        latents, seen = _walk(list(self.encoder), x, _together(states))
        return latents.transpose(1, 2).float(), _apart(seen, len(frames))

    @torch.inference_mode()
    def encode_still(self, pictures: Tensor) -> Tensor:
        """See `flowbrush.models.codecs.base.EncodingCodec`."""
        held = pictures[:, :, None].expand(-1, -1, FRAMES, -1, -1)
        return self.encode(held, [()] * len(pictures))[0][:, :, 0]

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.decoder.parameters()).dtype


def _encoder(spec: TaeSpec) -> nn.Sequential:
    """Three stages, each of half the size; the first two also halve the number of frames."""
    width = spec.widths[3]
    layers: list[nn.Module] = [_conv(3 * spec.patch**2, width), nn.ReLU()]
    for stride in (2, 2, 1):
        layers += [Pool(width, stride), nn.Conv2d(width, width, 3, 2, 1, bias=False)]
        layers += [MemoryBlock(width) for _ in range(3)]
    return nn.Sequential(*layers, _conv(width, spec.channels))


def _decoder(spec: TaeSpec) -> nn.Sequential:
    """Three stages, each of twice the size; the last two also double the number of frames."""
    layers: list[nn.Module] = [nn.Identity(), _conv(spec.channels, spec.widths[0]), nn.ReLU()]
    for stage, stride in enumerate((1, 2, 2)):
        width = spec.widths[stage]
        layers += [MemoryBlock(width) for _ in range(3)]
        layers += [
            nn.Upsample(scale_factor=2),
            Grow(width, stride),
            _conv(width, spec.widths[stage + 1], bias=False),
        ]
    return nn.Sequential(*layers, nn.ReLU(), _conv(spec.widths[3], 3 * spec.patch**2))


def _walk(
    layers: Sequence[nn.Module], x: Tensor, before: Sequence[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """`x` [B, T, C, h, w] through the layers, and the frame that each memory block saw last."""
    seen: list[Tensor] = []
    for layer in layers:
        if isinstance(layer, MemoryBlock):
            past = x.new_zeros(x[:, 0].shape) if before is None else before[len(seen)]
            seen.append(x[:, -1])
            x = layer(x, past)
        elif isinstance(layer, Grow | Pool):
            x = layer(x)
        else:
            x = layer(x.flatten(0, 1)).unflatten(0, (len(x), -1))
    return x, seen


def _together(states: Sequence[State]) -> list[Tensor] | None:
    """Memories [B, C, h, w] of streams, zeros for those that have just begun; None where all have."""
    if not any(states):
        return None
    shapes = next(state for state in states if state)
    full = [state or tuple(torch.zeros_like(memory) for memory in shapes) for state in states]
    return [torch.stack(memories) for memories in zip(*full, strict=True)]


def _apart(seen: Sequence[Tensor], rows: int) -> list[State]:
    return [tuple(memory[row].clone() for memory in seen) for row in range(rows)]


def fitted(tensors: dict[str, Tensor], spec: TaeSpec) -> dict[str, Tensor]:
    """The tensors of a TAEHV file. Where the file's frames grow by more than ours, the last ones are taken."""
    kept = dict(tensors)
    with torch.device("meta"):
        wanted = TinyCodec(spec).state_dict()
    for name, value in kept.items():
        goal = wanted.get(name)
        grows = name.startswith("decoder.") and goal is not None and goal.shape[2:] == (1, 1)
        if grows and value.shape[0] > goal.shape[0]:  # type: ignore[union-attr]
            kept[name] = value[-goal.shape[0] :]  # type: ignore[union-attr]
    return kept


def _conv(inside: int, outside: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, padding=1, bias=bias)
