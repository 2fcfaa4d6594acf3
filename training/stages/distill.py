"""The stage `distill`: the student of few steps learns from the teacher, by one of the objectives."""

from __future__ import annotations

from pathlib import Path

from flowbrush.training.data import Draw
from flowbrush.training.objectives import OBJECTIVES, Objective
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.sheets import student_sheet
from flowbrush.training.stages.base import Context, Stage, averaged
from flowbrush.training.stages.forcing import draw_part
from flowbrush.training.teacher import teacher_spec


class DistillStage(Stage):
    name = "distill"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own = context.recipe.distill
        shape = teacher_spec(context.recipe.card.student, context.recipe.teacher.latent_frames)
        teacher = context.trained(shape, "teacher", "teacher").requires_grad_(False).eval()
        self.student = context.student(("rollout", "forcing"))[0]
        kind = OBJECTIVES[self.own.objective]
        self.objective: Objective = kind(self.student, teacher, self.own.levels, self.own.critic_rate)
        self.optimiser = MasterOptimiser(self.student, self.config.rate, self.config.ema)
        self.optimisers = {"student": self.optimiser, **self.objective.optimisers}

    def draws(self, step: int) -> list[Draw]:
        rng, source = self.rng(step), self.context.source
        count = self.own.critic_steps + 1 if self.own.objective == "matching" else 1
        whole = rng.random() < self.own.whole
        return [draw_part(source, rng, self.own, whole, 0.0) for _ in range(count)]

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng, source = self.rng(step, 1), self.context.source
        *others, last = (source.batch(draw) for draw in next(self.feed))
        numbers = self.objective.prepare(others, rng)
        loss, more = self.objective.loss(last, rng)
        loss.backward()
        return {**numbers, **more, "norm": self.apply(self.student, self.optimiser, progress)}

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.optimiser), self.context)
