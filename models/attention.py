"""Attention back ends by name, all with one signature: queries, keys, values [B, L, H, D] → [B, L, H, D].

Attention here is dense and unmasked: locality is what the cache holds, not a mask. Training over several
chunks at once is block-causal (`block_causal`): full inside a chunk, causal between chunks. Which back end is
the fastest depends on the GPU, the version of PyTorch and what is installed: "auto" measures.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
log = logging.getLogger(__name__)

REPEATS = 5
"""Measured calls of each back end, after as many that are not: the first ones compile, choose algorithms and find a GPU at rest. A
worker that starts waits for all of them."""

NEAR = 0.02  # relative RMS difference from PyTorch's own choice up to which a back end is right


def sdpa(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's own, on any device."""
    out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    return out.transpose(1, 2)


def cudnn(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """cuDNN's, which PyTorch has and does not choose by itself: CUDA only."""
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return sdpa(q, k, v)


def fa3(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """FlashAttention 3, where its package is installed: Hopper only."""
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return sdpa(q, k, v)


def xformers(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """xFormers' memory-efficient attention: CUDA only."""
    from xformers.ops import memory_efficient_attention

    made: Tensor = memory_efficient_attention(q, k, v)
    return made


def flex(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """PyTorch's flex attention, unmasked."""
    from torch.nn.attention.flex_attention import flex_attention

    out = flex_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
    assert isinstance(out, Tensor)
    return out.transpose(1, 2)


BACKENDS: dict[str, Attention] = {
    "sdpa": sdpa,
    "cudnn": cudnn,
    "fa3": fa3,
    "xformers": xformers,
    "flex": flex,
}
CUDA_ONLY = ("cudnn", "fa3", "xformers")
MEASURED = ("sdpa", "cudnn", "xformers", "fa3")  # FA3 last: it replaces PyTorch's flash attention


@dataclass(frozen=True)
class Shape:
    """What a student's self-attention is given: `queries` and `keys` in tokens, of one stream."""

    queries: int
    keys: int
    heads: int
    head_dim: int


def backend(name: str, device: torch.device) -> Attention:
    """The back end called `name`. Raises ValueError where it is unknown or cannot run on `device`."""
    if name not in BACKENDS:
        known = ", ".join(("auto", *BACKENDS))
        raise ValueError(f"unknown attention back end {name!r}: expected one of {known}")
    if name in CUDA_ONLY and device.type != "cuda":
        raise ValueError(f"attention back end {name!r} needs a CUDA device, not {device.type}: use 'sdpa'")
    if name == "xformers":
        try:
            import xformers.ops  # noqa: F401
        except ImportError as error:
            raise ValueError(
                "attention back end 'xformers' is not installed: pip install 'flowbrush[gpu]'"
            ) from error
    if name == "fa3":
        _activate_fa3()
    return BACKENDS[name]


def choose(name: str, device: torch.device, dtype: torch.dtype, shape: Shape) -> Attention:
    """The back end called `name`; for "auto" the fastest on `device` for this shape, measured now. Raises
    ValueError.
    """
    if name != "auto":
        return backend(name, device)
    if device.type != "cuda":
        return sdpa
    fastest, times = measure(device, dtype, shape)
    said = ", ".join(f"{each} {ms:.2f} ms" for each, ms in sorted(times.items(), key=lambda pair: pair[1]))
    log.info("attention by %s: %s", fastest, said)
    return backend(fastest, device)


def measure(device: torch.device, dtype: torch.dtype, shape: Shape) -> tuple[str, dict[str, float]]:
    """The fastest of the back ends that run on a CUDA `device` and agree with PyTorch's own, and the
    milliseconds of each that does.
    """
    generator = torch.Generator(device).manual_seed(0)
    q, k, v = (
        torch.randn(1, length, shape.heads, shape.head_dim, device=device, generator=generator).to(dtype)
        for length in (shape.queries, shape.keys, shape.keys)
    )
    expected, times = sdpa(q, k, v), {}
    for name in MEASURED:
        try:
            attend = backend(name, device)
            made = attend(q, k, v)
            if float((made - expected).float().norm() / expected.float().norm()) < NEAR:
                times[name] = _milliseconds(attend, q, k, v)
        except (ValueError, RuntimeError, NotImplementedError) as error:
            log.debug("attention by %s is not possible here: %s", name, error)
    fastest = min(times, key=lambda name: times[name])
    if fastest != "fa3" and "fa3" in times:
        torch.nn.attention.restore_flash_attention_impl()
    return fastest, times


def _milliseconds(attend: Attention, q: Tensor, k: Tensor, v: Tensor) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for _ in range(REPEATS):
        attend(q, k, v)
    start.record()
    for _ in range(REPEATS):
        attend(q, k, v)
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / REPEATS


def _activate_fa3() -> None:
    try:
        torch.nn.attention.activate_flash_attention_impl("FA3")
    except Exception as error:  # it is somebody else's package that is imported there
        raise ValueError(
            f"attention back end 'fa3' cannot be used ({error}): install flash-attn 3 for Hopper, or use 'cudnn'"
        ) from error


def block_causal(attend: Attention, q: Tensor, k: Tensor, v: Tensor, block: int) -> Tensor:
    """Attention over several chunks of `block` tokens: each sees itself and those before it. No mask is
    built.
    """
    parts = []
    for start in range(0, q.shape[1], block):
        stop = start + block
        parts.append(attend(q[:, start:stop], k[:, :stop], v[:, :stop]))
    return torch.cat(parts, 1) if len(parts) > 1 else parts[0]
