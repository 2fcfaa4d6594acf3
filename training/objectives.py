"""How a student of few steps is distilled from the teacher: objectives behind one interface."""

from __future__ import annotations

import copy
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.schedule import euler, levels
from flowbrush.models.transformer import CausalTransformer
from flowbrush.training.forcing import Batch, conditions, errors, total, weights
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.rollout import Rollout
from flowbrush.training.teacher import matching_error, noised, one_level, predict, teacher_conditions

# Of the distance that gradients are measured in: where student and teacher agree they stay small.
LEAST = 1e-2
TRAIL = 0.98  # decay of the student that a consistency step aims at


class Objective(Protocol):
    """One way to distil."""

    optimisers: dict[str, MasterOptimiser]

    def prepare(self, batches: list[Batch], rng: np.random.Generator) -> dict[str, float]:
        """What is to be done before the student's update, on batches of its own."""

    def loss(self, batch: Batch, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        """The student's loss, and numbers for the log."""


class DistributionMatching:
    """Self Forcing (arXiv 2506.08009) with distribution matching (DMD2, arXiv 2405.14867): the student's own roll-outs are moved to
    where the frozen teacher finds them likelier than a critic does that is trained on them.
    """

    def __init__(
        self, student: CausalTransformer, teacher: CausalTransformer, steps: int, rate: float
    ) -> None:
        self.student, self.teacher, self.ladder = student, teacher, levels(steps)
        self.critic = copy.deepcopy(teacher).requires_grad_(True).train()
        self.optimisers = {"critic": MasterOptimiser(self.critic, rate, 0.9)}

    def prepare(self, batches: list[Batch], rng: np.random.Generator) -> dict[str, float]:
        seen = []
        for batch in batches:
            with torch.no_grad():
                made = self._roll(batch, rng)
            loss = matching_error(self.critic, made, batch)
            loss.backward()
            self.optimisers["critic"].step()
            seen.append(float(loss.detach()))
        return {"critic": float(np.mean(seen))}

    def loss(self, batch: Batch, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        made = self._roll(batch, rng)
        with torch.no_grad():
            level = one_level(batch)
            noisy, given = noised(made, level), teacher_conditions(batch)
            real = predict(self.teacher, noisy, level, batch, given)
            fake = predict(self.critic, noisy, level, batch, given)
            scale = (made - real).abs().mean((1, 2, 3, 4), keepdim=True).clamp_min(LEAST)
            goal = made - (fake - real) / scale
        loss = total(errors(made, goal, weights(batch.maps))).mean() / 2
        return loss, {"distance": float((fake - real).abs().mean())}

    def _roll(self, batch: Batch, rng: np.random.Generator) -> Tensor:
        return torch.stack(list(Rollout(self.student, batch, self.ladder, rng).chunks()), 1)


class Consistency:
    """Consistency distillation (arXiv 2303.01469) on the causal student: what it sees in a noisy latent must be what a
    trailing copy of it sees one step of the teacher further down.
    """

    def __init__(
        self, student: CausalTransformer, teacher: CausalTransformer, steps: int, rate: float
    ) -> None:
        self.student, self.teacher = student, teacher
        self.trailing = copy.deepcopy(student).requires_grad_(False).eval()
        self.rungs = levels(4 * steps)  # the teacher's steps, of which the student takes four at once
        self.optimisers: dict[str, MasterOptimiser] = {}

    def prepare(self, batches: list[Batch], rng: np.random.Generator) -> dict[str, float]:
        with torch.no_grad():
            pairs = zip(self.trailing.parameters(), self.student.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, 1 - TRAIL)
        return {}

    def loss(self, batch: Batch, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        place = int(rng.integers(len(self.rungs)))
        level, below = self.rungs[place], [*self.rungs[1:], 0.0][place]
        shape, device = batch.latents.shape[:2], batch.latents.device
        high, low = (torch.full(shape, value, device=device) for value in (level, below))
        noisy = noised(batch.latents, high)
        given = conditions(batch, torch.zeros(shape, device=device))
        with torch.no_grad():
            clean = predict(self.teacher, noisy, high, batch, teacher_conditions(batch))
            goal = (
                predict(self.trailing, euler(noisy, clean, level, below), low, batch, given)
                if below
                else clean
            )
        made = predict(self.student, noisy, high, batch, given)
        loss = total(errors(made, goal, weights(batch.maps))).mean()
        return loss, {"gap": float(loss.detach())}


OBJECTIVES: dict[str, type[DistributionMatching] | type[Consistency]] = {
    "matching": DistributionMatching,
    "consistency": Consistency,
}
