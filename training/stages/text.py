"""The stage `text`: the text encoder. It is small, so every process trains it alike and the first one
keeps it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from models.text.pocket import PocketText
from training.config import STAGES
from training.distributed import seed_torch, to_cpu
from training.stages.base import Context, Stage
from training.text import draw_caption, targets, vocabulary


class TextStage(Stage):
    name = "text"
    on_pool = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        seed_torch(context.recipe.seed, STAGES.index(self.name))
        spec = context.recipe.card.pocket_text
        self.index = {name: place for place, name in enumerate(targets())}
        self.words = vocabulary()
        self.encoder = PocketText(spec, self.words)
        self.probe = nn.Linear(spec.dim, len(self.index))
        nn.init.constant_(self.probe.bias, -4.0)  # most captions name few things
        self.both = nn.ModuleList([self.encoder, self.probe]).to(context.device)
        self.adam = torch.optim.AdamW(self.both.parameters(), self.config.rate, weight_decay=0.01)

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = self.shared_rng(step)
        captions, labels = zip(
            *(draw_caption(rng, self.index) for _ in range(self.config.batch)), strict=True
        )
        logits = self.probe(self.encoder(captions)).amax(1)  # the best token speaks for the caption
        wanted = torch.stack(labels).to(logits.device)
        loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(1).mean()
        for group in self.adam.param_groups:
            group["lr"] = self.config.rate * self.factor(step, progress)
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        right = ((logits > 0) == (wanted > 0)).all(1).float().mean()
        return {"loss": float(loss.detach()), "captions_right": float(right)}

    def state(self) -> dict[str, Any]:
        return {
            "vocabulary": self.words,
            "encoder": to_cpu(dict(self.encoder.state_dict())),
            "probe": to_cpu(dict(self.probe.state_dict())),
            "adam": to_cpu(self.adam.state_dict()),
            "optimisers": {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.encoder.load_state_dict(state["encoder"])
        self.probe.load_state_dict(state["probe"])
        self.adam.load_state_dict(state["adam"])
