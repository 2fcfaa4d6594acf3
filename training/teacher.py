"""The teacher: the student's class with one chunk for a whole stretch. It sees every reference of it, the future of hands
and camera too, and denoises all of it together, so that it knows more than the student can.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.schedule import euler, levels
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.reference.maps import with_past
from flowbrush.training.forcing import Batch, errors, total, weights

LOWEST = 0.02  # of the levels that it is taught at; 1 is all noise


def teacher_spec(student: StudentSpec, latent_frames: int) -> StudentSpec:
    """The student's shape, but that all latent frames of a stretch are one chunk."""
    return replace(student, chunk=latent_frames)


def teacher_conditions(batch: Batch) -> Tensor:
    """Conditions [B, K, T, h, w]: every reference, and the latent before the first one."""
    past = torch.cat([batch.before[:, None], torch.zeros_like(batch.latents[:, 1:])], 1)
    has_past = torch.cat([batch.has_past[:, :1], torch.zeros_like(batch.has_past[:, 1:])], 1)
    flat = with_past(batch.maps.flatten(0, 1), past.flatten(0, 1), has_past.flatten())
    made: Tensor = flat.unflatten(0, past.shape[:2]).transpose(1, 2)
    return made


def predict(network: CausalTransformer, noisy: Tensor, level: Tensor, batch: Batch, given: Tensor) -> Tensor:
    """The clean latents [B, T, C, h, w] that a network sees in `noisy` ones at levels [B, T]."""
    dtype = network.reference.dtype
    rope = network.rope_table(noisy.shape[1], *noisy.shape[-2:])
    text = network.text_keys_values(batch.text.to(network.reference.device, dtype))
    out = network(noisy.transpose(1, 2).to(dtype), level * 1000, text, rope, condition=given.to(dtype))
    made: Tensor = out.float().transpose(1, 2)
    return made


def noised(latents: Tensor, level: Tensor) -> Tensor:
    """Latents [B, T, C, h, w] at levels [B, T]."""
    share = level[..., None, None, None]
    return (1 - share) * latents + share * torch.randn_like(latents)


def one_level(batch: Batch) -> Tensor:
    """One level for each stretch, the same for all of its latent frames: [B, T] in LOWEST..1."""
    size, count = batch.latents.shape[:2]
    return (LOWEST + (1 - LOWEST) * torch.rand(size, 1, device=batch.latents.device)).expand(-1, count)


def matching_error(network: CausalTransformer, latents: Tensor, batch: Batch) -> Tensor:
    """Flow matching: the weighted error of a whole-stretch network on `latents`, a number."""
    level = one_level(batch)
    made = predict(network, noised(latents, level), level, batch, teacher_conditions(batch))
    error = total(errors(made, latents, weights(batch.maps)))
    return (error / (level + 0.15)).mean()


@torch.no_grad()
def sample(network: CausalTransformer, batch: Batch, steps: int) -> Tensor:
    """The teacher's latents [B, T, C, h, w] in so many denoising steps."""
    given, ladder = teacher_conditions(batch), levels(steps)
    noisy = torch.randn_like(batch.latents)
    shape = batch.latents.shape[:2]
    for level, following in zip(ladder, [*ladder[1:], 0.0], strict=True):
        clean = predict(network, noisy, torch.full(shape, level, device=noisy.device), batch, given)
        noisy = euler(noisy, clean, level, following)
    return noisy
