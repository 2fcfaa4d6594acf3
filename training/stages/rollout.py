"""The stage `rollout`: the student goes on from its own pictures and is pulled back to the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.track_encoder import PACKED
from pipelines.schedule import levels
from training.changes import change_loss
from training.data import Draw
from training.optim import MasterOptimiser
from training.rollout import Rollout
from training.sheets import student_sheet
from training.stages.base import Context, Stage, averaged

PULL = 4.0  # weight of a chunk's error beside that of starts
SMALL = 0.01  # errors below this count by their square, others by their size: what cannot be known must not blur the rest


class RolloutStage(Stage):
    """A step rolls one cohort of clips out and updates once: the gradient is the mean over its chunks.

    An update after every chunk was tried and let errors grow with the age of the roll-out.
    """

    name = "rollout"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own = context.recipe.rollout
        self.student = context.student(("forcing",))[0]
        self.optimiser = MasterOptimiser(self.student, self.config.rate, self.config.ema)
        self.optimisers = {"student": self.optimiser}

    def plan(self, step: int) -> tuple[int, int, int]:
        """Clips, frames, and latent frames for which the world then stands still: the same in all
        processes.
        """
        rng, own = self.shared_rng(step), self.own
        if rng.random() < own.long_share:
            return (
                max(1, own.batch // 2),
                int(rng.choice(own.long_frames)),
                int(rng.integers(0, own.hold + 1)),
            )
        return own.batch, int(rng.choice(own.frames)), 0

    def draws(self, step: int) -> list[Any]:
        clips, frames, _ = self.plan(step)
        rng, source = self.rng(step), self.context.source
        return [
            source.draw(rng, clips, frames, blank=0.05) if step % self.own.roll_every == 0 else None,
            source.draw_changes(rng, self.own.change_batch) if step % self.own.change_every == 0 else None,
        ]

    def update(self, step: int, progress: float) -> dict[str, float]:
        roll, changes = next(self.feed)
        numbers = self._roll(step, roll) if roll else {}
        if changes:
            context = self.context
            batch = context.source.changes(changes)
            loss, numbers["change"] = change_loss(self.student, context.codec, batch, context.channel_weight)
            loss.backward()
        numbers["norm"] = self.apply(self.student, self.optimiser, progress)
        return numbers

    def _roll(self, step: int, draw: Draw) -> dict[str, float]:
        """Gradients of one cohort, and its errors."""
        context = self.context
        _, frames, hold = self.plan(step)
        batch = context.source.batch(draw)
        rollout = Rollout(
            self.student,
            context.codec,
            batch,
            levels(self.own.levels),
            hold,
            self.rng(step, 1),
            tools=context.tools,
        )
        weight = context.channel_weight.view(1, -1, 1, 1, 1)
        chunks = frames // PACKED + hold - 1
        errors = []
        for predicted, true in rollout.chunks():
            square = (predicted - true).square()
            error = ((square + SMALL**2).sqrt() * weight).mean()
            (error * (PULL / chunks)).backward()
            errors.append(float((square.detach() * weight).mean()))
        return {"roll": float(np.mean(errors)), "first": errors[0], "last": errors[-1]}

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.optimiser), self.context)
