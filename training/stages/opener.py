"""The stage `opener`: what captions look like, learned from openings put together from pieces."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from models.opener import Opener
from models.pocket import new_opener
from training.pieces import load_pieces
from training.sheets import write_sheet
from training.stages.base import SingleStage, averaged
from training.world.clip import World
from training.world.openings import Opening, opening

SMALL = 0.01  # errors below this count by their square, others by their size
THINGS = 3.0  # weight of the cells where something stands beside that of the scene
SHOWN = 12  # pictures on a contact sheet


class OpenerStage(SingleStage):
    """Regression: caption and variant decide the picture, so there is nothing to denoise."""

    name = "opener"

    def make(self) -> Opener:
        card = self.context.recipe.card
        self.world = World(card.width, card.height, self.context.recipe.core_share)
        return new_opener(card)

    def begin(self, step: int) -> None:
        self.pieces = load_pieces(self.context.run.folder / "pieces.pt", self.world, self.context.codec)
        self.weight = self.context.codec.scale / self.context.codec.scale.mean()

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = self.rng(step)
        drawn = [opening(self.world, rng) for _ in range(self.config.batch)]
        wanted, where = self._latents(drawn)
        made = self.network(*self._asked(drawn)).float()
        square = (made - wanted).square()
        error = ((square + SMALL**2).sqrt() * self.weight.view(1, -1, 1, 1)).mean(1)  # [B, h, w]
        loss = (error * (1 + (THINGS - 1) * where)).mean()
        loss.backward()
        norm = self.apply(self.network, self.optimiser, progress)
        plain = (square.detach() * self.weight.view(1, -1, 1, 1)).mean(1)
        return {
            "loss": float(loss.detach()),
            "scene": float(plain[~where].mean()),
            "things": float(plain[where].mean()),
            "norm": norm,
        }

    def _latents(self, drawn: list[Opening]) -> tuple[Tensor, Tensor]:
        latents, where = zip(*(self.pieces.latent(one) for one in drawn), strict=True)
        return torch.stack(latents).to(self.context.device), torch.stack(where).to(self.context.device)

    def _asked(self, drawn: list[Opening]) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            text = self.context.text([one.caption for one in drawn])
        return text, torch.tensor([one.variant for one in drawn], device=self.context.device)

    @torch.no_grad()
    def sheet(self, path: Path) -> None:
        """True pictures above those that the opener makes of their captions."""
        rng = self.shared_rng(2**31)
        drawn = [opening(self.world, rng) for _ in range(SHOWN)]
        made = averaged(self.network, self.optimiser)(*self._asked(drawn)).float()
        pictures = [self.context.codec.end_frame(one) for one in (self._latents(drawn)[0], made)]
        half = SHOWN // 2
        write_sheet(path, [rows[part] for part in (slice(half), slice(half, None)) for rows in pictures])
