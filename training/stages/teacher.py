"""The stage `teacher`: a bidirectional network that sees the future of a stretch, by flow matching."""

from __future__ import annotations

from typing import Any

from flowbrush.training.data import Draw
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.stages.base import Context, Stage
from flowbrush.training.stages.forcing import draw_part
from flowbrush.training.teacher import matching_error, teacher_spec


class TeacherStage(Stage):
    """It begins as the student that forcing has made: what it has yet to learn is what the future tells."""

    name = "teacher"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own = context.recipe.teacher
        shape = teacher_spec(context.recipe.card.student, self.own.latent_frames)
        self.teacher = context.network(shape, self.name)
        self.teacher.load_state_dict(context.student(("forcing",))[0].state_dict())
        self.optimiser = MasterOptimiser(self.teacher, self.config.rate, self.config.ema)
        self.optimisers = {"teacher": self.optimiser}

    def draws(self, step: int) -> list[Draw]:
        rng = self.rng(step)
        return [draw_part(self.context.source, rng, self.own, rng.random() < self.own.whole, 0.1)]

    def state(self) -> dict[str, Any]:
        return {**super().state(), "latent_frames": self.own.latent_frames}

    def update(self, step: int, progress: float) -> dict[str, float]:
        batch = self.context.source.batch(next(self.feed)[0])
        loss = matching_error(self.teacher, batch.latents, batch)
        loss.backward()
        return {"loss": float(loss.detach()), "norm": self.apply(self.teacher, self.optimiser, progress)}
