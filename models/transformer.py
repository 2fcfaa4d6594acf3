"""The causal video transformer: one class for pocket and for the Wan 2.1/2.2 students.

It is a pure function of its inputs: noisy latents, timesteps, text, conditions and a context of past keys and
values. It keeps no stream state; the cache lives in `flowbrush.models.kv_cache` and belongs to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.attention import Attention, sdpa
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.layers import Block, CellBlock, Head, KeyValue, timestep_code
from flowbrush.models.rope import RopeTable


@dataclass(frozen=True)
class _Entered:
    """What the blocks begin with: `tokens` [B, T, N, dim], the shell's `features` [B, conv_width, T, h, w], the timestep as `time`
    [B, T, dim] and `modulation` [B, T, 6, dim]; the `grid` of tokens, and how many tokens a chunk (`block`) has.
    """

    tokens: Tensor
    features: Tensor | None
    time: Tensor
    modulation: Tensor
    grid: tuple[int, int]
    block: int


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
                condition: Tensor | None = None, context: Sequence[KeyValue] | None = None,
                first_frame: int = 0) -> Tensor:  # fmt: skip
        """The prediction [B, C, T, h, w] for T latent frames.

        `latents` [B, C, T, h, w]; `timestep` [B, T] in 0..1000; `condition` [B, condition_channels, T, h, w] where the student has
        conditions; `context` per block rotated keys and values of the past, with room behind them for those of the T frames,
        which is written to; `first_frame` the slot of the first latent frame behind them. Without a context the T frames are
        chunks of `spec.chunk` that see those before them.
        """
        given = self._enter(latents, timestep, condition)
        here, x = rope.part(first_frame, latents.shape[2]), given.tokens
        for layer, past, words in self._layers(text, context):
            x, _ = layer(x, given.modulation, here, past, 0, given.block, words, self.attend)
        out = self._unpatchify(self.head(x, given.time), *given.grid)
        if self.shell is not None and given.features is not None:
            out = self.shell.leave(out, given.features)
        return out

    def keys_values(self, latents: Tensor, timestep: Tensor, text: Sequence[KeyValue], rope: RopeTable, *,
                    condition: Tensor | None = None, context: Sequence[KeyValue] | None = None,
                    first_frame: int = 0, blocks: int | None = None) -> list[KeyValue]:  # fmt: skip
        """What later chunks attend to: for every block keys (not rotated) and values [B, T * tokens, H, D] of T latent frames.

        Takes what `forward` takes, and computes no prediction: of the last block nothing but keys and values. Given `blocks`,
        those of the first so many, the same to the bit as where all are run.
        """
        given = self._enter(latents, timestep, condition)
        here, x = rope.part(first_frame, latents.shape[2]), given.tokens
        made: list[KeyValue] = []
        *layers, (last, _, _) = self._layers(text, context)
        for layer, past, words in layers[:blocks]:
            x, key_value = layer(x, given.modulation, here, past, 0, given.block, words, self.attend)
            made.append(key_value)
        return made if len(made) == blocks else [*made, last.keys_values(x, given.modulation)]

    def _layers(
        self, text: Sequence[KeyValue], context: Sequence[KeyValue] | None
    ) -> list[tuple[Any, Any, KeyValue]]:
        """Each block with its context and its words."""
        past = context if context is not None else [None] * len(self.blocks)
        return list(zip(self.blocks, past, text, strict=True))

    def _enter(self, latents: Tensor, timestep: Tensor, condition: Tensor | None) -> _Entered:
        batch, frames = latents.shape[0], latents.shape[2]
        features = (
            None if self.shell is None else self.shell.enter(latents, condition)
        )  # [B, conv_width, T, h, w]
        x = self.patch_embedding(latents if features is None else features)  # [B, dim, T, h / p, w / p]
        rows, columns = x.shape[-2:]
        x = x.flatten(3).permute(0, 2, 3, 1)  # [B, T, N, dim]
        code = timestep_code(timestep, self.spec.freq_dim).to(x.dtype)
        time = self.time_embedding(code)  # [B, T, dim]
        modulation = self.time_projection(time).view(batch, frames, 6, -1)
        return _Entered(x, features, time, modulation, (rows, columns), self.spec.chunk * rows * columns)

    def _unpatchify(self, x: Tensor, rows: int, columns: int) -> Tensor:
        """[B, T, rows * columns, p * p * C] → [B, C, T, rows * p, columns * p]"""
        batch, frames, p = x.shape[0], x.shape[1], self.spec.patch
        x = x.view(batch, frames, rows, columns, p, p, -1).permute(0, 6, 1, 2, 4, 3, 5)
        return x.reshape(batch, -1, frames, rows * p, columns * p)


class ConvShell(nn.Module):
    """Convolutions at latent resolution around the transformer (pocket).

    On the way in it looks at the noisy latent and the conditions, on the way out it joins what the tokens say with what it saw, so
    that detail need not pass through the tokens. Norms are taken cell by cell: it works on crops as on whole pictures of any shape.
    """

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        width = spec.conv_width
        self.channels = spec.condition_channels
        self.stem = nn.Conv2d(spec.model_channels + self.channels, width, 1)
        self.stem_blocks = nn.Sequential(*(CellBlock(width) for _ in range(spec.conv_blocks)))
        self.merge = nn.Conv2d(2 * width, width, 1)
        self.head_blocks = nn.Sequential(*(CellBlock(width) for _ in range(spec.conv_head_blocks)))
        self.out = nn.Conv2d(width, spec.latent_channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def enter(self, latents: Tensor, condition: Tensor | None) -> Tensor:
        """Everything that is known, as features [B, width, T, h, w]. Raises ValueError where conditions are missing."""
        if self.channels:
            if condition is None:
                raise ValueError(
                    f"this student takes {self.channels} maps of conditions: pass them (zeros are none)"
                )
            latents = torch.cat([latents, condition.to(latents.dtype)], 1)
        return _per_frame(latents, lambda x: self.stem_blocks(self.stem(x)))

    def leave(self, tokens: Tensor, features: Tensor) -> Tensor:
        """Transformer output and entry features [B, width, T, h, w] → prediction [B, C, T, h, w]."""
        both = torch.cat([tokens, features], 1)
        return _per_frame(both, lambda x: self.out(F.silu(self.head_blocks(self.merge(x)))))


def _per_frame(x: Tensor, function: object) -> Tensor:
    """Applies a 2-D `function` to every latent frame of [B, C, T, h, w]."""
    batch, frames = x.shape[0], x.shape[2]
    flat = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    made: Tensor = function(flat).unflatten(0, (batch, frames)).transpose(1, 2)  # type: ignore[operator]
    return made
