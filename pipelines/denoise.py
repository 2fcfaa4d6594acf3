"""The hot path: latents of one chunk for streams that attend to equally many chunks, in one forward pass a step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.kv_cache import KVCache
from models.layers import KeyValue
from models.rope import RopeTable
from models.transformer import CausalTransformer, MotionInput
from pipelines.schedule import chunk_noise, clean_from, euler


@dataclass
class Batch:
    """Rows of one forward pass: cache seats, chunks made, noise seeds, chunk indexes, text tokens [B, L, D], motion."""

    seats: list[int]
    made: list[int]
    seeds: list[int]
    chunks: list[int]
    text: Tensor
    motion: MotionInput


@torch.inference_mode()
def denoise(student: CausalTransformer, cache: KVCache, rope: RopeTable, batch: Batch, levels: list[float],
            grid: tuple[int, int], guidance: float = 1.0, blank: Tensor | None = None) -> tuple[Tensor, list[KeyValue]]:  # fmt: skip
    """Clean latents [B, C, chunk, h, w] (fp32) and their keys and values from a last pass at level 0.

    `levels` are the noise levels to visit. With `guidance` above 1 every step also runs on the `blank` text tokens and goes
    that much further away from them (classifier-free guidance).
    """
    weight = student.text_embedding[0].weight
    spec = student.spec
    shape = (spec.latent_channels, spec.chunk, *grid)
    context = cache.read(batch.seats, batch.made, rope)
    first_frame = cache.context_frames(batch.made[0])
    rows = len(batch.seats)
    text = student.text_keys_values(batch.text.to(weight))
    empty = student.text_keys_values(blank.to(weight).expand_as(batch.text)) if blank is not None and guidance > 1 else None

    def run(latents: Tensor, level: float, words: list[KeyValue]) -> tuple[Tensor, list[KeyValue]]:
        timestep = torch.full((rows, spec.chunk), 1000 * level, device=weight.device)
        out, made = student(latents.to(weight.dtype), timestep, words, rope, motion=batch.motion, context=context,
                            first_frame=first_frame)  # fmt: skip
        return out.float(), made

    noise = torch.stack([chunk_noise(s, c, 0, shape) for s, c in zip(batch.seeds, batch.chunks, strict=True)])
    noisy = noise.to(weight.device)
    clean = noisy
    for level, following in zip(levels, [*levels[1:], 0.0], strict=True):
        clean = clean_from(run(noisy, level, text)[0], noisy, level, spec.prediction)
        if empty is not None:
            away = clean_from(run(noisy, level, empty)[0], noisy, level, spec.prediction)
            clean = away + guidance * (clean - away)
        noisy = euler(noisy, clean, level, following)
    return clean, run(clean, 0.0, text)[1]
