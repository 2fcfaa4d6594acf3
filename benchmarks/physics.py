"""What a chunk costs in arithmetic, and what a device can do at best. One multiplication and addition are two operations."""

from __future__ import annotations

import time

import torch

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.spec import StudentSpec

REPEATS = 10


def forward_flops(spec: StudentSpec, tokens: int, keys: int, text: int) -> float:
    """Of one pass over `tokens` tokens that attend to `keys` tokens, themselves included, and to `text` rows of text.

    Counted are matrix products: the linear layers of every block, the scores and sums of both attentions, patch embedding
    and head. Text keys and values are made once a chunk and counted by `text_flops`.
    """
    dim, ffn = spec.dim, spec.ffn_dim
    linear = (
        2 * tokens * (6 * dim * dim + 2 * dim * ffn)
    )  # q, k, v, o; q and o of cross-attention; feed-forward
    attention = 4 * tokens * (keys + text) * dim
    patch = spec.patch**2
    ends = 2 * tokens * patch * dim * (spec.model_channels + spec.latent_channels)
    return float(spec.layers * (linear + attention) + ends)


def clean_flops(spec: StudentSpec, tokens: int, keys: int, text: int) -> float:
    """Of the pass that keeps a clean chunk's keys and values: no head, and of the last block those two products alone."""
    dim = spec.dim
    last = 2 * tokens * (4 * dim * dim + 2 * dim * spec.ffn_dim) + 4 * tokens * (keys + text) * dim
    head = 2 * tokens * spec.patch**2 * dim * spec.latent_channels
    return forward_flops(spec, tokens, keys, text) - last - head


def text_flops(spec: StudentSpec, text: int) -> float:
    """Of the text embedding and every block's text keys and values, once a chunk."""
    return float(2 * text * spec.dim * (spec.text_dim + spec.dim + spec.layers * 2 * spec.dim))


def chunk_flops(card: ModelCard, steps: int) -> float:
    """Of one chunk far into a stream: the denoising passes and, where keys and values are kept, the clean pass."""
    spec = card.student
    frame = (card.height // card.codec.stride // spec.patch) * (card.width // card.codec.stride // spec.patch)
    chunk, text = spec.chunk * frame, card.text.length
    if card.rollout.past == "none":
        return forward_flops(spec, steps * chunk, steps * chunk, text) + text_flops(spec, text)
    if card.rollout.joint:
        window = forward_flops(spec, steps * chunk, (2 + steps) * chunk, text)
        return window + clean_flops(spec, chunk, (spec.window + 1) * chunk, text) + text_flops(spec, text)
    recompute = card.rollout.past == "recompute"
    past = chunk if recompute else (spec.sink + spec.window) * chunk
    passes = steps * forward_flops(spec, chunk, past + chunk, text)
    clean = clean_flops(spec, chunk, chunk if recompute else past + chunk, text)
    return passes + clean + text_flops(spec, text)


def matrix_rate(device: torch.device, dtype: torch.dtype, rows: int, inner: int, columns: int) -> float:
    """Operations a second of the best of several matrix products of this size: the student's own feed-forward."""
    a, b = (
        torch.randn(rows, inner, device=device).to(dtype),
        torch.randn(inner, columns, device=device).to(dtype),
    )
    best = 0.0
    for _ in range(REPEATS):
        wait(device)
        began = time.perf_counter()
        a @ b
        wait(device)
        best = max(best, 2.0 * rows * inner * columns / (time.perf_counter() - began))
    return best


def wait(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
