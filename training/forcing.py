"""The first stage of the student: latent frames of a clip denoised together, each at its own noise level, causally.

Every one sees those before it as they are in the batch, clean or noisy (diffusion forcing, arXiv 2407.01392), so one pass trains
all of them and the context is never assumed perfect.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.motion_channels import DRIVE, GROUND, LIGHT, THINGS
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.reference.maps import OPACITY, with_past

# How much each part of the latent counts: the things' motion is what people look at, the drive moves poses for good.
PARTS = {
    "things": (THINGS, 1.0),
    "ground": (GROUND, 0.5),
    "drive": (DRIVE, 0.5),
    "light": (slice(LIGHT, None), 1.0),
}
ELSEWHERE = 0.02  # weight of the things' flow where no thing is: it moves nothing there, and must stay calm


@dataclass
class Batch:
    """`latents` [B, T, C, h, w] that are to be made, `before` [B, C, h, w] the one before them, `maps` [B, T, K, h, w] of the
    references, `has_past` [B, T], `text` [B, L, D].
    """

    latents: Tensor
    before: Tensor
    maps: Tensor
    has_past: Tensor
    text: Tensor
    captions: list[str]


def draw_levels(shape: tuple[int, int]) -> Tensor:
    """Noise levels 0..1 a latent frame: a third nearly clean (they serve as context), a fifth pure noise, the rest uniform."""
    level = torch.rand(shape)
    level = torch.where(torch.rand(shape) < 0.2, torch.ones(()), level)
    clean = torch.rand(shape) < 0.35
    clean[:, -1] = False
    return torch.where(clean, torch.rand(shape) * 0.04, level)


def conditions(batch: Batch, roughness: Tensor) -> Tensor:
    """The student's conditions [B, K, T, h, w], from true pasts with noise of spread `roughness` [B, T]."""
    past = torch.cat([batch.before[:, None], batch.latents[:, :-1]], 1)  # [B, T, C, h, w]
    past = past + torch.randn_like(past) * roughness[..., None, None, None]
    flat = with_past(batch.maps.flatten(0, 1), past.flatten(0, 1), batch.has_past.flatten())
    made: Tensor = flat.unflatten(0, past.shape[:2]).transpose(1, 2)
    return made


def weights(maps: Tensor) -> Tensor:
    """How much the things' motion counts in each cell, [B, T, 1, h, w]: in and around things."""
    opacity = maps[:, :, OPACITY].amax(2).flatten(0, 1)[:, None]  # [B T, 1, h, w]
    near = F.max_pool2d(opacity, 3, 1, 1).clamp_min(ELSEWHERE)
    made: Tensor = near.unflatten(0, maps.shape[:2])
    return made


def errors(predicted: Tensor, true: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Squared errors [B, T] of each part; `predicted` and `true` [B, T, C, h, w], `weight` as of `weights`."""
    square = (predicted - true).square()
    parts = {}
    for name, (channels, _) in PARTS.items():
        part = square[:, :, channels]
        if name in ("things", "drive"):
            parts[name] = (part * weight).mean((2, 3, 4)) / weight.mean((2, 3, 4))
        else:
            parts[name] = part.mean((2, 3, 4))
    return parts


def total(parts: dict[str, Tensor]) -> Tensor:
    """The weighted sum of the parts' errors."""
    return torch.stack([parts[name] * share for name, (_, share) in PARTS.items()]).sum(0)


def forcing_loss(student: CausalTransformer, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Weighted error of the predicted clean latents, and its parts for the log."""
    device, dtype = student.reference.device, student.reference.dtype
    latents = batch.latents
    level = draw_levels((len(latents), latents.shape[1])).to(device)
    noise = torch.randn_like(latents)
    spread = level[..., None, None, None]
    noisy = (1 - spread) * latents + spread * noise
    given = conditions(batch, torch.rand_like(level).square() * 0.3)
    rope = student.rope_table(latents.shape[1], *latents.shape[-2:])
    text = student.text_keys_values(batch.text.to(device, dtype))
    predicted = student(noisy.transpose(1, 2).to(dtype), level * 1000, text, rope, condition=given.to(dtype))
    parts = errors(predicted.float().transpose(1, 2), latents, weights(batch.maps))
    counted = level > 0.05
    share = counted / (level + 0.15)
    loss = (total(parts) * share).sum() / counted.sum().clamp_min(1)
    return loss, {name: float(value.detach()[counted].mean()) for name, value in parts.items()}
