"""The causal video transformer: one class for pocket and for the Wan 2.1/2.2 students.

It is a pure function of its inputs: noisy latents, timesteps, text, motion and a context of past keys and
values. It keeps no stream state; the cache lives in `models.kv_cache` and belongs to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.attention import Attention, sdpa
from models.layers import Block, Head, KeyValue, ResBlock, timestep_code
from models.rope import RopeTable
from models.spec import StudentSpec
from models.track_encoder import GUIDE_CHANNELS, HAS_PAST, TrackHead

# Changes of a clean latent smaller than this are not made: fed back a thousand times, the small errors would be what is seen.
QUIET = 0.05


@dataclass
class MotionInput:
    """What the tracks and the past say about T latent frames; all [B, channels, T, h, w].

    `code` is the packed id code of the tracks, `guide` the dense motion field (`models.track_encoder`),
    `plain` the last frame of the past as it was, `moved` the same moved along the tracks. The last two are
    zero where nothing is past.
    """

    code: Tensor
    guide: Tensor
    plain: Tensor
    moved: Tensor


class CausalTransformer(nn.Module):
    """Denoises chunks of latent frames: full attention inside a chunk, a rolling context before it."""

    def __init__(self, spec: StudentSpec, attention: Attention = sdpa) -> None:
        super().__init__()
        self.spec, self.attend = spec, attention
        patch, dim = (1, spec.patch, spec.patch), spec.dim
        self.patch_embedding = nn.Conv3d(spec.conv_width or spec.model_channels, dim, patch, patch)
        self.text_embedding = nn.Sequential(
            nn.Linear(spec.text_dim, dim), nn.GELU(approximate="tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(nn.Linear(spec.freq_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.layers))
        self.head = Head(spec, spec.patch**2 * (spec.conv_width or spec.latent_channels))
        self.shell = ConvShell(spec) if spec.conv_width else None
        if spec.position_grid:
            self.position = nn.Parameter(
                torch.randn(spec.position_grid[0] * spec.position_grid[1], dim) * 0.02
            )

    @property
    def reference(self) -> Tensor:
        """A parameter: where the network is, and its number type."""
        weight = self.text_embedding[0].weight
        assert isinstance(weight, Tensor)
        return weight

    def rope_table(self, frames: int, rows: int, columns: int) -> RopeTable:
        """Positions for a context of `frames` latent frames of rows × columns latent cells."""
        weight, patch = self.reference, self.spec.patch
        return RopeTable(
            self.spec.head_dim, frames, rows // patch, columns // patch, weight.device, weight.dtype
        )

    def text_keys_values(self, text: Tensor) -> list[KeyValue]:
        """Text tokens [B, L, text_dim] → keys and values of every block's cross-attention."""
        embedded = self.text_embedding(text)
        return [block.cross_attn.keys_values(embedded) for block in self.blocks]  # type: ignore[union-attr,operator]

    def forward(self, latents: Tensor, timestep: Tensor, text: Sequence[KeyValue], rope: RopeTable, *,
                motion: MotionInput | None = None, context: Sequence[KeyValue] | None = None,
                first_frame: int = 0, keep: bool = True) -> tuple[Tensor, list[KeyValue]]:  # fmt: skip
        """One pass over T latent frames.

        `latents` [B, C, T, h, w]; `timestep` [B, T] in 0..1000; `context` per block rotated keys and values
        of the past, with room behind them for those of the T frames, which is written to; `first_frame` the
        slot of the first latent frame behind them. Without a context the T frames are chunks of `spec.chunk`
        that see those before them. Returns the prediction [B, C, T, h, w] and, per block where they are to
        `keep`, keys (not rotated) and values [B, T * tokens, H, D] of these frames.
        """
        batch, frames = latents.shape[0], latents.shape[2]
        x = latents
        features = None
        if self.shell is not None:
            features = self.shell.enter(latents, motion)  # [B, conv_width, T, h, w]
            x = features
        x = self.patch_embedding(x)  # [B, dim, T, h / p, w / p]
        rows, columns = x.shape[-2:]
        x = x.flatten(3).permute(0, 2, 3, 1)  # [B, T, N, dim]
        if self.spec.position_grid:
            x = x + self.position
        code = timestep_code(timestep, self.spec.freq_dim).to(x.dtype)
        time = self.time_embedding(code)  # [B, T, dim]
        modulation = self.time_projection(time).view(batch, frames, 6, -1)
        block = self.spec.chunk * rows * columns
        here = rope.part(first_frame, frames)  # so that a compiled block sees tensors, not places
        made: list[KeyValue] = []
        for index, layer in enumerate(self.blocks):
            past = context[index] if context is not None else None
            x, key_value = layer(x, modulation, here, past, 0, block, text[index], self.attend)
            if keep:
                made.append(key_value)
        out = self._unpatchify(self.head(x, time), rows, columns)
        if self.shell is not None and features is not None:
            out = self.shell.leave(out, features, motion)
        return out, made

    def _unpatchify(self, x: Tensor, rows: int, columns: int) -> Tensor:
        """[B, T, rows * columns, p * p * C] → [B, C, T, rows * p, columns * p]"""
        batch, frames, p = x.shape[0], x.shape[1], self.spec.patch
        x = x.view(batch, frames, rows, columns, p, p, -1).permute(0, 6, 1, 2, 4, 3, 5)
        return x.reshape(batch, -1, frames, rows * p, columns * p)


class ConvShell(nn.Module):
    """Convolutions at latent resolution around the transformer (pocket).

    On the way in it looks at the noisy latent, the tracks and the past; on the way out it makes a chunk from
    nothing, or, where there is a past, blends the past as it was with the past moved along the tracks,
    channel by channel, and changes that. So detail need not pass through the tokens, and the transformer
    decides what belongs together, what goes where and what is uncovered.
    """

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        width, channels = spec.conv_width, spec.latent_channels
        self.motion = spec.motion
        extra = 0
        if spec.motion:
            self.track_head = TrackHead(spec.motion)
            extra = spec.motion.channels + GUIDE_CHANNELS + (2 * channels if spec.motion.past else 0)
        self.stem = nn.Conv2d(spec.model_channels + extra, width, 1)
        self.stem_blocks = nn.Sequential(*(ResBlock(width) for _ in range(spec.conv_blocks)))
        self.merge = nn.Conv2d(2 * width, width, 1)
        self.head_blocks = nn.Sequential(*(ResBlock(width) for _ in range(spec.conv_head_blocks)))
        self.residual = nn.Conv2d(width, channels, 1)
        self.past = bool(spec.motion and spec.motion.past)
        self.quiet = QUIET
        if self.past:
            self.change = nn.Conv2d(width, channels, 1)
            self.gate = nn.Conv2d(width, 2 * channels, 1)
            self._begin_as_proposed()

    @torch.no_grad()
    def _begin_as_proposed(self) -> None:
        """Untrained, a chunk with a past is what `MotionInput.moved` proposes."""
        for parameter in (self.change.weight, self.change.bias, self.gate.weight):
            parameter.zero_()  # type: ignore[union-attr]
        keep, follow = self.gate.bias.chunk(2)  # type: ignore[union-attr]
        keep.fill_(2.0)
        follow.fill_(4.0)

    def enter(self, latents: Tensor, motion: MotionInput | None) -> Tensor:
        """Everything that is known, as features [B, width, T, h, w]."""
        parts = [latents]
        if self.motion:
            if motion is None:
                raise ValueError("this student takes tracks: pass a MotionInput (empty tracks are zeros)")
            parts += [self.track_head(motion.code), motion.guide]
            if self.motion.past:
                parts += [motion.plain.to(latents.dtype), motion.moved.to(latents.dtype)]
        return _per_frame(torch.cat(parts, 1), lambda x: self.stem_blocks(self.stem(x)))

    def leave(self, tokens: Tensor, features: Tensor, motion: MotionInput | None) -> Tensor:
        """Transformer output and entry features [B, width, T, h, w] → prediction [B, C, T, h, w]."""
        hidden = _per_frame(
            torch.cat([tokens, features], 1), lambda x: F.silu(self.head_blocks(self.merge(x)))
        )
        out = _per_frame(hidden, self.residual)
        if not self.past or motion is None:
            return out
        keep, follow = _per_frame(hidden, self.gate).sigmoid().chunk(2, 1)
        kept = motion.plain * keep
        continued = kept + (motion.moved - kept) * follow + _per_frame(hidden, self.change)
        if not self.training:
            continued = motion.moved + F.softshrink(continued - motion.moved, self.quiet)
        return torch.where(motion.guide[:, HAS_PAST : HAS_PAST + 1] > 0, continued, out)


def _per_frame(x: Tensor, function: object) -> Tensor:
    """Applies a 2-D `function` to every latent frame of [B, C, T, h, w]."""
    batch, frames = x.shape[0], x.shape[2]
    flat = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    return function(flat).unflatten(0, (batch, frames)).transpose(1, 2)  # type: ignore[operator]
