"""The stage `forcing`: the causal student learns from clips whose chunks have noise levels of their own."""

from __future__ import annotations

from pathlib import Path

from training.data import Draw
from training.forcing import forcing_loss, still_start
from training.optim import MasterOptimiser
from training.sheets import student_sheet
from training.stages.base import Context, Stage, averaged


class ForcingStage(Stage):
    name = "forcing"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.student = context.network(context.recipe.card.student, self.name)
        self.optimiser = MasterOptimiser(self.student, self.config.rate, self.config.ema)
        self.optimisers = {"student": self.optimiser}

    def draws(self, step: int) -> list[Draw]:
        return [
            self.context.source.draw(self.rng(step), self.config.batch, self.context.recipe.forcing.frames)
        ]

    def update(self, step: int, progress: float) -> dict[str, float]:
        context = self.context
        batch = context.source.batch(next(self.feed)[0])
        still = still_start(batch, context.codec, self.rng(step, 1), context.recipe.forcing.still)
        loss, parts = forcing_loss(
            self.student, context.codec, batch, still, context.channel_weight, context.tools
        )
        loss.backward()
        norm = self.apply(self.student, self.optimiser, progress)
        return {"loss": float(loss.detach()), **parts, "norm": norm}

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.optimiser), self.context)
