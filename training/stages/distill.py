"""The stage `distill`: Self Forcing with distribution matching against the guided teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipelines.schedule import levels
from training.changes import change_loss
from training.config import teacher_spec
from training.forcing import Batch
from training.matching import matching_loss, roll
from training.optim import MasterOptimiser
from training.rollout import Rollout
from training.sheets import student_sheet
from training.stages.base import Context, Stage, averaged
from training.teacher import Guided, draw_levels, flow_loss, task


class DistillStage(Stage):
    """A step is `critic_steps` updates of the critic and one of the student, each on roll-outs of its own."""

    name = "distill"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.own, self.frames, self.shift = (
            context.recipe.distill,
            context.recipe.teacher.frames,
            context.recipe.teacher.shift,
        )
        shape = teacher_spec(context.recipe)
        self.teacher = context.trained(shape, "teacher", "teacher").requires_grad_(False)
        self.critic = context.trained(shape, "teacher", "teacher")
        self.student = context.student(("rollout", "forcing"))[0]
        self.by_student = MasterOptimiser(self.student, self.own.rate, self.own.ema)
        self.by_critic = MasterOptimiser(self.critic, self.own.critic_rate, self.own.ema)
        self.optimisers = {"student": self.by_student, "critic": self.by_critic}
        self.empty = context.text([""])

    def draws(self, step: int) -> list[Any]:
        rng, source = self.rng(step), self.context.source
        drawn = [
            source.draw(rng, self.own.batch, self.frames, blank=0.0, persistent=True)
            for _ in range(self.own.critic_steps + 1)
        ]
        return [*drawn, source.draw_changes(rng, self.own.change_batch)]

    def update(self, step: int, progress: float) -> dict[str, float]:
        source, rng, drawn = self.context.source, self.rng(step, 1), next(self.feed)
        critic = [
            self._teach_critic(source.batch(draw), rng, progress) for draw in drawn[: self.own.critic_steps]
        ]
        batch = source.batch(drawn[-2])
        made = roll(self._rollout(batch, rng))
        guided = Guided.of(
            self.teacher, self.context.codec, batch, self.empty, self.own.text_weight, self.own.motion_weight
        )
        loss, distance = matching_loss(made, guided, self.critic, self.shift, self.context.channel_weight)
        loss.backward()
        changed, change_error = change_loss(
            self.student, self.context.codec, source.changes(drawn[-1]), self.context.channel_weight
        )
        changed.backward()
        norm = self.apply(self.student, self.by_student, progress)
        true = (made.detach() - batch.latents)[:, :, 1:].square() * self.context.channel_weight.view(
            1, -1, 1, 1, 1
        )
        return {
            "distance": distance,
            "critic": float(np.mean(critic)),
            "truth": float(true.mean()),
            "change": change_error,
            "norm": norm,
        }

    def _rollout(self, batch: Batch, rng: np.random.Generator) -> Rollout:
        context, ladder = self.context, levels(self.own.levels)
        return Rollout(self.student, context.codec, batch, ladder, 0, rng, roughness=0.0, tools=context.tools)

    def _teach_critic(self, batch: Batch, rng: np.random.Generator, progress: float) -> float:
        """One update of the critic towards what the student makes now. Returns its error."""
        with torch.no_grad():
            made = roll(self._rollout(batch, rng))
        assert self.critic.spec.motion is not None
        given = task(self.context.codec, batch, self.critic.spec.motion.id_dim)
        level = draw_levels(len(made), self.shift, made.device)
        loss, error = flow_loss(self.critic, made, level, given, self.context.channel_weight)
        loss.backward()
        self.apply(self.critic, self.by_critic, progress)
        return error

    def sheet(self, path: Path) -> None:
        student_sheet(path, averaged(self.student, self.by_student), self.context)
