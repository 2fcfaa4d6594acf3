"""Parts of the causal transformer. Names of parameters are those of the published Wan 2.1 checkpoints."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.attention import Attention, block_causal
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.rope import RopeTable


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis, computed in fp32."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.weight.shape, eps=self.eps).to(x.dtype) * self.weight


def timestep_code(timestep: Tensor, dim: int) -> Tensor:
    """Sinusoidal code [..., dim] of timesteps in 0..1000 (fractions kept): cosines first, in fp64 where there
    is any.
    """
    half = dim // 2
    precision = torch.float32 if timestep.device.type == "mps" else torch.float64
    step = torch.arange(half, dtype=precision, device=timestep.device)
    angle = timestep.to(precision)[..., None] * torch.exp(step * (-math.log(10000) / half))
    return torch.cat([angle.cos(), angle.sin()], -1).float()


KeyValue = tuple[Tensor, Tensor]


class SelfAttention(nn.Module):
    """Attention of the current chunks over themselves and a context of rotated keys.

    `joint` stands in for q, k and v where they are one product (`flowbrush.models.speed`).
    """

    joint: nn.Module | None

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.q, self.k, self.v, self.o = (nn.Linear(spec.dim, spec.dim) for _ in range(4))
        self.norm_q, self.norm_k = RMSNorm(spec.dim, spec.eps), RMSNorm(spec.dim, spec.eps)
        self.joint = None

    def forward(self, x: Tensor, rope: RopeTable, context: KeyValue | None, first_frame: int, block: int,
                attend: Attention) -> tuple[Tensor, KeyValue]:  # fmt: skip
        """`x` [B, L, dim] → the same, and this chunk's keys (not rotated) and values [B, L, H, D] for the
        cache. The last L places of `context` are room for this chunk.
        """
        q, k, v = (self.q(x), self.k(x), self.v(x)) if self.joint is None else self.joint(x).chunk(3, -1)
        q = self.norm_q(q).unflatten(-1, (self.heads, -1))
        k, v = self._by_head(k, v)
        q, keys = rope.rotate(q, first_frame), rope.rotate(k, first_frame)
        if context is not None:
            out = attend(q, _behind(context[0], keys), _behind(context[1], v))
        else:
            out = block_causal(attend, q, keys, v, block)
        return self.o(out.flatten(2)), (k, v)

    def keys_values(self, x: Tensor) -> KeyValue:
        """Keys (not rotated) and values of `x` [B, L, dim] alone: [B, L, H, D]."""
        return self._by_head(
            *((self.k(x), self.v(x)) if self.joint is None else self.joint(x).chunk(3, -1)[1:])
        )

    def _by_head(self, k: Tensor, v: Tensor) -> KeyValue:
        return self.norm_k(k).unflatten(-1, (self.heads, -1)), v.unflatten(-1, (self.heads, -1))


def _behind(context: Tensor, new: Tensor) -> Tensor:
    """`context` [B, P + L, H, D] with `new` [B, L, H, D] in its last places: in place, but for training, which
    needs every pass's own.
    """
    past = context.shape[1] - new.shape[1]
    if torch.is_grad_enabled():
        return torch.cat([context[:, :past], new], 1)
    context[:, past:] = new
    return context


class CrossAttention(nn.Module):
    """Attention to the text tokens."""

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.q, self.k, self.v, self.o = (nn.Linear(spec.dim, spec.dim) for _ in range(4))
        self.norm_q, self.norm_k = RMSNorm(spec.dim, spec.eps), RMSNorm(spec.dim, spec.eps)

    def keys_values(self, text: Tensor) -> KeyValue:
        """Text tokens [B, L, dim] → keys and values [B, L, H, D]; constant while the prompt is."""
        k = self.norm_k(self.k(text)).unflatten(-1, (self.heads, -1))
        return k, self.v(text).unflatten(-1, (self.heads, -1))

    def forward(self, x: Tensor, text: KeyValue, attend: Attention) -> Tensor:
        """`x` [B, T * N, dim]; keys and values [B, L, H, D], or [B, N, L, H, D] where each of the N tokens of a latent frame has
        words of its own.
        """
        q = self.norm_q(self.q(x)).unflatten(-1, (self.heads, -1))  # [B, T * N, H, D]
        if text[0].ndim == 4:
            made: Tensor = self.o(attend(q, *text).flatten(2))
            return made
        tokens = text[0].shape[1]
        q = q.unflatten(1, (-1, tokens)).transpose(1, 2)  # [B, N, T, H, D]
        out = attend(q.flatten(0, 1), *(each.flatten(0, 1) for each in text)).view(q.shape)
        made = self.o(out.transpose(1, 2).flatten(1, 2).flatten(2))
        return made


class Block(nn.Module):
    """Self-attention, cross-attention and feed-forward, modulated by the timestep."""

    def __init__(self, spec: StudentSpec) -> None:
        super().__init__()
        self.dim, self.eps = spec.dim, spec.eps
        self.norm3 = nn.LayerNorm(spec.dim, spec.eps)
        self.self_attn = SelfAttention(spec)
        self.cross_attn = CrossAttention(spec)
        self.ffn = nn.Sequential(
            nn.Linear(spec.dim, spec.ffn_dim), nn.GELU(approximate="tanh"), nn.Linear(spec.ffn_dim, spec.dim)
        )
        self.modulation = nn.Parameter(torch.randn(1, 6, spec.dim) / spec.dim**0.5)

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        rope: RopeTable,
        context: KeyValue | None,
        first_frame: int,
        block: int,
        text: KeyValue,
        attend: Attention,
    ) -> tuple[Tensor, KeyValue]:
        """`x` [B, T, N, dim] (latent frames by tokens), `time` [B, T, 6, dim]."""
        shift, scale, gate, shift2, scale2, gate2 = (
            (self.modulation + time).unsqueeze(3).unbind(2)
        )  # [B, T, 1, dim]
        shape = x.shape
        inner = self._norm(x) * (1 + scale) + shift
        out, key_value = self.self_attn(inner.flatten(1, 2), rope, context, first_frame, block, attend)
        x = x + out.view(shape) * gate
        x = x + self.cross_attn(self.norm3(x).flatten(1, 2), text, attend).view(shape)
        inner = self._norm(x) * (1 + scale2) + shift2
        return x + self.ffn(inner) * gate2, key_value

    def keys_values(self, x: Tensor, time: Tensor) -> KeyValue:
        """Keys (not rotated) and values of self-attention for `x` [B, T, N, dim], as `forward` makes them."""
        shift, scale = (self.modulation + time).unsqueeze(3).unbind(2)[:2]  # [B, T, 1, dim]
        return self.self_attn.keys_values((self._norm(x) * (1 + scale) + shift).flatten(1, 2))

    def _norm(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, (self.dim,), eps=self.eps)


class Head(nn.Module):
    """The last modulation and projection: tokens → `out` values each."""

    def __init__(self, spec: StudentSpec, out: int) -> None:
        super().__init__()
        self.dim, self.eps = spec.dim, spec.eps
        self.head = nn.Linear(spec.dim, out)
        self.modulation = nn.Parameter(torch.randn(1, 2, spec.dim) / spec.dim**0.5)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """`x` [B, T, N, dim], `time` [B, T, dim] → [B, T, N, out]."""
        shift, scale = (self.modulation + time.unsqueeze(2)).unsqueeze(3).unbind(2)  # [B, T, 1, dim]
        made: Tensor = self.head(F.layer_norm(x, (self.dim,), eps=self.eps) * (1 + scale) + shift)
        return made


class ResBlock(nn.Module):
    """Two 3×3 convolutions with a skip; the second starts at zero. [B, C, h, w]

    Without `norm` it works on crops as on whole pictures.
    """

    def __init__(self, width: int, norm: bool = True) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width) if norm else nn.Identity()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.conv2(F.silu(self.conv1(F.silu(self.norm(x)))))
        return made


class CellBlock(nn.Module):
    """As `ResBlock`, with a norm over the channels of each cell: the same on a crop as on the whole picture. [B, C, h, w]"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        made: Tensor = x + self.conv2(F.silu(self.conv1(F.silu(hidden))))
        return made
