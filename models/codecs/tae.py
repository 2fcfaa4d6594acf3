"""The tiny autoencoder of Wan latents (TAEHV's file format): the decoder, with an exact streaming state.

It takes the student's normalised latents as they are. All frames of a chunk are decoded together; each of the
nine memory blocks needs the one frame before the chunk, and those nine frames are the whole state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.codecs.base import State, hold_first
from models.spec import TaeSpec


class MemoryBlock(nn.Module):
    """Three convolutions over a frame beside the frame before it, and a skip."""

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
        return out.unflatten(1, (self.stride, -1)).flatten(0, 1).unflatten(0, (len(x), -1))


class TinyDecoder(nn.Module):
    """Latents [B, C, T, h, w] → frames; `decoder` is laid out, and its parameters are named, as in the
    published files.
    """

    def __init__(self, spec: TaeSpec) -> None:
        super().__init__()
        self.spec = spec
        layers: list[nn.Module] = [nn.Identity(), _conv(spec.channels, spec.widths[0]), nn.ReLU()]
        for stage, stride in enumerate((1, 2, 2)):
            width = spec.widths[stage]
            layers += [MemoryBlock(width) for _ in range(3)]
            layers += [
                nn.Upsample(scale_factor=2),
                Grow(width, stride),
                _conv(width, spec.widths[stage + 1], bias=False),
            ]
        layers += [nn.ReLU(), _conv(spec.widths[3], 3 * spec.patch**2)]
        self.decoder = nn.Sequential(*layers)

    def decode(self, latents: Tensor, before: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Frames [B, 3, 4 T, H, W] in 0..1, not clamped, and the frame that each memory block saw last.

        `before` are those frames of the chunk before; None at the start, where they are zero.
        """
        x = (torch.tanh(latents.to(self._dtype) / 3) * 3).transpose(1, 2)  # [B, T, C, h, w]
        seen: list[Tensor] = []
        for layer in list(self.decoder)[1:]:
            if isinstance(layer, MemoryBlock):
                past = x.new_zeros(x[:, 0].shape) if before is None else before[len(seen)]
                seen.append(x[:, -1])
                x = layer(x, past)
            elif isinstance(layer, Grow):
                x = layer(x)
            else:
                x = layer(x.flatten(0, 1)).unflatten(0, (len(latents), -1))
        if self.spec.patch > 1:
            x = F.pixel_shuffle(x, self.spec.patch)
        return x.transpose(1, 2), seen

    @torch.inference_mode()
    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `models.codecs.base.Codec`."""
        before = None
        if any(states):
            shapes = next(state for state in states if state)
            full = [state or tuple(torch.zeros_like(memory) for memory in shapes) for state in states]
            before = [torch.stack(memories) for memories in zip(*full, strict=True)]
        frames, seen = self.decode(latents, before)
        frames = hold_first(frames.float().clamp(0, 1) * 2 - 1, states, 3)
        return frames, [tuple(memory[row].clone() for memory in seen) for row in range(len(latents))]

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.decoder.parameters()).dtype


def decoder_weights(tensors: dict[str, Tensor], spec: TaeSpec) -> dict[str, Tensor]:
    """The decoder's part of a TAEHV file. Where the file's frames grow by more than ours, the last ones are
    taken.
    """
    kept = {name: value for name, value in tensors.items() if name.startswith("decoder.")}
    with torch.device("meta"):
        wanted = TinyDecoder(spec).state_dict()
    for name, value in kept.items():
        goal = wanted.get(name)
        if goal is not None and goal.shape[2:] == (1, 1) and value.shape[0] > goal.shape[0]:
            kept[name] = value[-goal.shape[0] :]
    return kept


def _conv(inside: int, outside: int, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, padding=1, bias=bias)
