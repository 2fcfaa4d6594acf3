"""The stage `forcing`: the causal student learns from clips whose latent frames have noise levels of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flowbrush.training.config import ForcingConfig
from flowbrush.training.data import Draw, Source
from flowbrush.training.forcing import forcing_loss
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.pool import CELLS
from flowbrush.training.sheets import student_sheet
from flowbrush.training.stages.base import Context, Stage, averaged

BEGINS = 0.3  # share of stretches that start with their clip: a stream begins but once
FEWER = 4  # times fewer whole pictures than crops in a batch: they are about so much larger


def draw_part(
    source: Source,
    rng: np.random.Generator,
    own: ForcingConfig,
    whole: bool,
    blank: float,
    begins: float = BEGINS,
) -> Draw:
    """Crops or, near the end of a run, whole pictures of one of the shapes; a share `begins` has no past."""
    if not whole:
        crop = (own.crop[0], own.crop[1])
        return source.draw(rng, own.batch, own.latent_frames, crop, blank=blank, begins=begins)
    shapes = [shape for shape in CELLS if any(s.maps.shape[2:] == shape for s in source.pool.samples)]
    shape = shapes[int(rng.integers(len(shapes)))]
    return source.draw(rng, max(1, own.batch // FEWER), own.latent_frames, shape, blank=blank, begins=begins)


class ForcingStage(Stage):
    name = "forcing"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.student = context.network(context.recipe.card.student, self.name)
        self.optimiser = MasterOptimiser(self.student, self.config.rate, self.config.ema)
        self.optimisers = {"student": self.optimiser}

    def draws(self, step: int) -> list[Draw]:
        """Whole pictures come in one step of so many all through the run: which ones depends on the step alone."""
        own, rng = self.context.recipe.forcing, self.rng(step)
        return [draw_part(self.context.source, rng, own, rng.random() < own.whole, 0.1)]

    def update(self, step: int, progress: float) -> dict[str, float]:
        batch = self.context.source.batch(next(self.feed)[0])
        loss, parts = forcing_loss(self.student, batch)
        loss.backward()
        norm = self.apply(self.student, self.optimiser, progress)
        return {"loss": float(loss.detach()), **parts, "norm": norm}

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.optimiser), self.context)
