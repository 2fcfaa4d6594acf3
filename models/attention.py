"""Attention back ends by name, all with one signature: queries, keys, values [B, L, H, D] → [B, L, H, D].

Attention here is dense and unmasked: locality is what the cache holds, not a mask. Training over several
chunks at once is block-causal (`block_causal`): full inside a chunk, causal between chunks.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def sdpa(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's own, on any device."""
    out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    return out.transpose(1, 2)


def xformers(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """xFormers' memory-efficient attention: CUDA only."""
    from xformers.ops import memory_efficient_attention

    return memory_efficient_attention(q, k, v)


def flex(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's flex attention, unmasked."""
    from torch.nn.attention.flex_attention import flex_attention

    out = flex_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    assert isinstance(out, Tensor)
    return out.transpose(1, 2)


BACKENDS: dict[str, Attention] = {"sdpa": sdpa, "xformers": xformers, "flex": flex}


def backend(name: str, device: torch.device) -> Attention:
    """The back end called `name`. Raises ValueError where it is unknown or cannot run on `device`."""
    if name not in BACKENDS:
        raise ValueError(f"unknown attention back end {name!r}: expected one of {', '.join(BACKENDS)}")
    if name == "xformers":
        if device.type != "cuda":
            raise ValueError(
                f"attention back end 'xformers' needs a CUDA device, not {device.type}: use 'sdpa'"
            )
        try:
            import xformers.ops  # noqa: F401
        except ImportError as error:
            raise ValueError(
                "attention back end 'xformers' is not installed: pip install 'flowbrush[gpu]'"
            ) from error
    return BACKENDS[name]


def block_causal(attend: Attention, q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    """Attention over several chunks of `block` tokens: each sees itself and those before it. No mask is
    built.
    """
    parts = []
    for start in range(0, q.shape[1], block):
        stop = start + block
        parts.append(attend(q[:, start:stop], k[:, :stop], v[:, :stop]))
    return torch.cat(parts, 1) if len(parts) > 1 else parts[0]
