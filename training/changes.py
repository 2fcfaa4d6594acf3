"""Changing a picture when the prompt changes."""

from __future__ import annotations

import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.transformer import CausalTransformer
from training.forcing import Batch, cast, conditions

FROM_NOISE = 0.35  # of the pictures are pure noise: there the past and the words say what is to be seen


def change_loss(
    student: CausalTransformer, codec: PocketCodec, batch: Batch, channel_weight: Tensor
) -> tuple[Tensor, float]:
    """Flow matching of the second of two latent frames. Returns the loss and the plain error.

    The first stands nearly clean in the past, and the caption is that of the second.
    """
    weight = student.reference
    size, count = len(batch.latents), batch.latents.shape[2]
    latents, device = batch.latents, batch.latents.device
    t = 1 - 0.95 * torch.rand(size, count).square()
    t = torch.where(torch.rand(size, count) < FROM_NOISE, torch.ones(()), t)
    t[:, 0] = torch.rand(size) * 0.04
    past_noise, t = (torch.rand(size, count) * 0.1).to(device), t.to(device)
    level = t[:, None, :, None, None]
    noisy = (1 - level) * latents + level * torch.randn_like(latents)
    assert student.spec.motion is not None
    motion = cast(conditions(codec, batch, student.spec.motion.id_dim, past_noise), weight.dtype, device)
    rope = student.rope_table(count, *latents.shape[-2:])
    text = student.text_keys_values(batch.text.to(weight))
    predicted, _ = student(noisy.to(weight.dtype), t * 1000, text, rope, motion=motion)
    error = ((predicted.float() - latents).square() * channel_weight.view(1, -1, 1, 1, 1)).mean((1, 3, 4))[
        :, -1
    ]
    return (error / (t[:, -1] + 0.15)).mean(), float(error.detach().mean())
