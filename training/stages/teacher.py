"""The stage `teacher`: a bidirectional network with motion control, by flow matching."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from models.transformer import CausalTransformer
from training.config import teacher_spec
from training.data import Draw
from training.optim import MasterOptimiser
from training.sheets import teacher_sheet
from training.stages.base import Context, Stage, averaged
from training.teacher import teacher_loss

BEFORE = (
    "rollout",
    "forcing",
)  # where one of these has made a student of its shape, the teacher begins as it


class TeacherStage(Stage):
    name = "teacher"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own = context.recipe.teacher
        shape, student = teacher_spec(context.recipe), context.recipe.card.student
        self.teacher = context.network(shape, self.name)
        if replace(shape, chunk=student.chunk) == student and any(map(context.run.has, BEFORE)):
            self.teacher.load_state_dict(context.student(BEFORE)[0].state_dict())
        self.optimiser = MasterOptimiser(self.teacher, self.config.rate, self.config.ema)
        self.optimisers = {"teacher": self.optimiser}

    def draws(self, step: int) -> list[Draw]:
        return [self.context.source.draw(self.rng(step), self.own.batch, self.own.frames, persistent=True)]

    def update(self, step: int, progress: float) -> dict[str, float]:
        context = self.context
        batch = context.source.batch(next(self.feed)[0])
        loss, error = teacher_loss(
            self.teacher, context.codec, batch, self.own.mask, self.own.shift, context.channel_weight
        )
        loss.backward()
        norm = self.apply(self.teacher, self.optimiser, progress)
        return {"loss": float(loss.detach()), "error": error, "norm": norm}

    def sheet(self, path: Path) -> None:
        twin = averaged(self.teacher, self.optimiser)
        assert isinstance(twin, CausalTransformer)
        teacher_sheet(path, twin, self.context)
