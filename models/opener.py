"""The opener: from a prompt to the latent frame with which a stream begins (pocket).

A student that continues needs something to continue. The opener is a small decoder: one query for each patch of the picture looks
for its words among the text tokens; what it finds becomes the patch. One pass, no noise; `variant` chooses among a few layouts of
each scene, so that seeds differ.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.spec import OpenerSpec


class Opener(nn.Module):
    """Text tokens [B, L, text_dim] (L up to `words`) and variants [B] → latent frames [B, C, rows, columns]."""

    def __init__(self, spec: OpenerSpec, channels: int, text_dim: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.spec, self.channels = spec, channels
        self.rows, self.columns = grid[0] // spec.patch, grid[1] // spec.patch
        dim = spec.dim
        self.position = nn.Parameter(torch.randn(self.rows * self.columns, dim) * 0.5)
        self.variant = nn.Embedding(spec.variants, dim)
        self.text = nn.Linear(text_dim, dim)
        self.order = nn.Parameter(torch.randn(spec.words, dim) * 0.1)
        self.reader = nn.ModuleList(_Layer(dim, spec.heads, cross=False) for _ in range(spec.text_layers))
        self.layers = nn.ModuleList(_Layer(dim, spec.heads, cross=True) for _ in range(spec.layers))
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, channels * spec.patch**2)
        )

    def forward(self, text: Tensor, variant: Tensor) -> Tensor:
        weight = self.text.weight
        words = self.text(text.to(weight.dtype)) + self.order[: text.shape[1]]  # [B, L, dim]
        for layer in self.reader:
            words = layer(words, words)
        x = self.position + self.variant(variant)[:, None]  # [B, patches, dim]
        for layer in self.layers:
            x = layer(x, words)
        p = self.spec.patch
        patches = self.out(self.norm(x)).view(len(text), self.rows, self.columns, p, p, self.channels)
        return patches.permute(0, 5, 1, 3, 2, 4).reshape(
            len(text), self.channels, self.rows * p, self.columns * p
        )


class _Layer(nn.Module):
    """Attention of x to itself, to the words where `cross`, and a feed-forward part."""

    def __init__(self, dim: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.own = _Attention(dim, heads)
        self.words = _Attention(dim, heads) if cross else None
        self.norm = nn.LayerNorm(dim)
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        x = x + self.own(x, None)
        if self.words is not None:
            x = x + self.words(x, words)
        return x + self.feed(self.norm(x))


class _Attention(nn.Module):
    """Of x to itself, or to `other`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x: Tensor, other: Tensor | None) -> Tensor:
        x = self.norm(x)
        other = x if other is None else other
        parts = (self.q(x), self.k(other), self.v(other))
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
