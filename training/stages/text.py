"""The stage `text`: the text encoder. It is small, so every process trains it alike and the first one
keeps it.
"""

from __future__ import annotations

from typing import Any

import torch

from flowbrush.training.captions import draw_sentence
from flowbrush.training.config import STAGES
from flowbrush.training.distributed import seed_torch, to_cpu
from flowbrush.training.stages.base import Context, Stage
from flowbrush.training.text import TextTrainer


class TextStage(Stage):
    name = "text"
    on_pool = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        seed_torch(context.recipe.seed, STAGES.index(self.name))
        self.trainer = TextTrainer(context.recipe.card.pocket_text).to(context.device)
        self.adam = torch.optim.AdamW(self.trainer.parameters(), self.config.rate, weight_decay=0.01)

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = self.shared_rng(step)
        loss, right = self.trainer([draw_sentence(rng) for _ in range(self.config.batch)])
        for group in self.adam.param_groups:
            group["lr"] = self.config.rate * self.factor(step, progress)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        return {"loss": float(loss.detach()), "captions_right": float(right)}

    def state(self) -> dict[str, Any]:
        encoder = self.trainer.encoder
        return {
            "vocabulary": list(encoder.vocabulary),
            "concepts": list(encoder.concepts),
            "encoder": to_cpu(dict(encoder.state_dict())),
            "trainer": to_cpu(dict(self.trainer.state_dict())),
            "adam": to_cpu(self.adam.state_dict()),
            "optimisers": {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.adam.load_state_dict(state["adam"])
