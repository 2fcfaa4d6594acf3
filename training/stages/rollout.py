"""The stage `rollout`: the student goes on from its own pictures and is pulled back to the truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.track_encoder import PACKED
from pipelines.schedule import levels
from training.data import Draw
from training.optim import MasterOptimiser
from training.rollout import Rollout
from training.sheets import student_sheet
from training.stages.base import Context, Stage, averaged
from training.starts import start_frames, start_loss

LONG_HOLD = 0.4  # share of roll-outs that stand still for longer at the end
PULL = 3.0  # weight of the error of a chunk beside that of starts


class RolloutStage(Stage):
    """A step is one cohort of clips, with an update for every chunk of it."""

    name = "rollout"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own = context.recipe.rollout
        self.student = context.student(("forcing",))[0]
        self.optimiser = MasterOptimiser(self.student, self.config.rate, self.config.ema)
        self.optimisers = {"student": self.optimiser}

    def plan(self, step: int) -> tuple[int, int]:
        """Frames of the cohort and latent frames for which the world stands still afterwards: the same
        everywhere.
        """
        rng = self.shared_rng(step)
        frames = int(rng.choice(self.own.frames))
        hold = int(rng.integers(6, 16)) if rng.random() < LONG_HOLD else int(rng.integers(0, 5))
        return frames, hold

    def draws(self, step: int) -> list[Draw]:
        frames, hold = self.plan(step)
        rng, source = self.rng(step), self.context.source
        drawn = [source.draw(rng, self.own.batch, frames, blank=0.05)]
        for _ in range((frames // PACKED + hold) // self.own.start_every + 1):
            span = start_frames(rng)
            size = self.own.start_batch if span == PACKED else self.own.start_batch // 2
            drawn.append(source.draw(rng, size, span))
        return drawn

    def update(self, step: int, progress: float, stop: Callable[[], bool]) -> dict[str, float]:
        context, drawn = self.context, next(self.feed)
        starts = iter(drawn[1:])
        batch = context.source.batch(drawn[0])
        rollout = Rollout(
            self.student, context.codec, batch, levels(self.own.levels), self.plan(step)[1], self.rng(step, 1)
        )
        weight = context.channel_weight.view(1, -1, 1, 1, 1)
        errors, begun, norms = [], [], []
        for age, (predicted, true) in enumerate(rollout.chunks()):
            error = ((predicted - true).square() * weight).mean()
            (PULL * error).backward()
            if age % self.own.start_every == 0:
                loss, value = start_loss(
                    self.student, context.codec, context.source.batch(next(starts)), context.channel_weight
                )
                loss.backward()
                begun.append(value)
            norms.append(self.apply(self.student, self.optimiser, progress))
            errors.append(float(error.detach()))
            if stop():
                break
        return {
            "roll": float(np.mean(errors)),
            "first": errors[0],
            "last": errors[-1],
            "start": float(np.mean(begun)),
            "norm": float(np.mean(norms)),
            "updates": float(self.optimiser.steps),
        }

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.optimiser), self.context)
