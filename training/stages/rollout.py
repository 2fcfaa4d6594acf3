"""The stage `rollout`: the student goes on from its own pasts and is pulled back to the truth."""

from __future__ import annotations

from pathlib import Path

import torch

from flowbrush.models.schedule import levels
from flowbrush.training.data import Draw
from flowbrush.training.forcing import errors, total, weights
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.rollout import Rollout
from flowbrush.training.sheets import student_sheet
from flowbrush.training.stages.base import Context, Stage, averaged
from flowbrush.training.stages.forcing import draw_part


class RolloutStage(Stage):
    """A step rolls one cohort of clips out and updates once: the gradient is the mean over its latent frames.

    An update after every one of them was tried and let errors grow with the age of the roll-out. All go on from a true past: the
    phase of a motion that begins cannot be known, and pulled to the one that came it does not begin at all.
    """

    name = "rollout"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own = context.recipe.rollout
        self.student = context.student(("forcing",))[0]
        self.optimiser = MasterOptimiser(self.student, self.config.rate, self.config.ema)
        self.optimisers = {"student": self.optimiser}

    def draws(self, step: int) -> list[Draw]:
        rng = self.rng(step)
        return [draw_part(self.context.source, rng, self.own, rng.random() < self.own.whole, 0.05, 0.0)]

    def update(self, step: int, progress: float) -> dict[str, float]:
        batch = self.context.source.batch(next(self.feed)[0])
        rollout = Rollout(self.student, batch, levels(self.own.levels), self.rng(step, 1))
        weight, count = weights(batch.maps), batch.latents.shape[1]
        seen = []
        for index, predicted in enumerate(rollout.chunks()):
            true = batch.latents[:, index : index + 1]
            parts = errors(predicted[:, None], true, weight[:, index : index + 1])
            loss = total(parts).mean()
            (loss / count).backward()
            seen.append(torch.stack([loss.detach(), *(part.detach().mean() for part in parts.values())]))
        numbers = torch.stack(seen)
        norm = self.apply(self.student, self.optimiser, progress)
        named = dict(zip(("roll", *parts), numbers.mean(0).tolist(), strict=True))
        return {**named, "first": float(numbers[0, 0]), "last": float(numbers[-1, 0]), "norm": norm}

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.optimiser), self.context)
