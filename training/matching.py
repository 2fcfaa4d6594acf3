"""Distribution matching: a student's roll-outs are pushed from what a critic takes them for to what the
teacher wants.

Self Forcing (Huang et al. 2025) with the score of MotionStream §3.2: the teacher is frozen and guided by
text and motion, the critic learns without guidance what the student makes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.transformer import CausalTransformer
from training.rollout import Rollout
from training.teacher import Guided, draw_levels, predict_clean

LOWEST, HIGHEST = 0.05, 0.95  # noise levels at which the two are compared


def roll(rollout: Rollout) -> Tensor:
    """The student's own continuation of the first latent frames, [B, C, T, h, w]; the gradient is that of
    one denoising step a chunk.
    """
    made = [predicted for predicted, _ in rollout.chunks()]
    return torch.cat([rollout.batch.latents[:, :, :1], *made], 2)


def matching_loss(
    made: Tensor, teacher: Guided, critic: CausalTransformer, shift: float, channel_weight: Tensor
) -> tuple[Tensor, float]:
    """A loss whose gradient at `made` [B, C, T, h, w] is the critic's clean latents minus the teacher's,
    and their distance.

    The difference is divided by how far the teacher is from what was made, so that all noise levels count
    alike (DMD).
    """
    level = draw_levels(len(made), shift, made.device).clamp(LOWEST, HIGHEST)
    noise = level.view(-1, 1, 1, 1, 1)
    own = made.detach()
    noisy = (1 - noise) * own + noise * torch.randn_like(own)
    wanted = teacher.clean(noisy, level)
    with torch.no_grad():
        taken_for = predict_clean(critic, noisy, level, teacher.full)
        size = (own - wanted)[:, :, 1:].abs().mean((1, 2, 3, 4), keepdim=True).clamp_min(1e-3)
        direction = torch.nan_to_num((taken_for - wanted) / size)
    target = own - direction
    error = (made - target)[:, :, 1:].square() * channel_weight.view(1, -1, 1, 1, 1)
    return 0.5 * error.mean(), float(direction[:, :, 1:].abs().mean())
