"""The stage `inpainter`: what may be behind a thing, on pictures whose ground is known."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.inpainter import Inpainter
from training.cutouts import Cutouts, draw_size
from training.stages.base import SingleStage
from training.stages.pool import load_photos

FRINGE = 9  # pixels: edge of the square by which a hole is wider than the thing
FINE = 0.5  # weight of the error of differences between neighbours: a smear has none


class InpainterStage(SingleStage):
    name = "inpainter"

    def make(self) -> Inpainter:
        return Inpainter(self.context.recipe.card.pocket_inpainter)

    def begin(self, step: int) -> None:
        self.cutouts = Cutouts(load_photos(self.context.run.folder / "photos"))

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = self.rng(step)
        size = draw_size(rng)
        drawn = [self.cutouts.draw(rng, size) for _ in range(self.config.batch)]
        ground = (torch.stack([one.ground for one in drawn]) * 2 - 1).to(self.context.device)
        things = torch.stack([one.opacity[-1:] for one in drawn]).to(self.context.device)
        hole = F.max_pool2d((things > 0.02).float(), FRINGE, 1, FRINGE // 2)
        made = self.network(ground, hole)
        loss, error = fill_loss(made, ground, hole)
        loss.backward()
        norm = self.apply(self.network, self.optimiser, progress)
        return {"loss": float(loss.detach()), "psnr": error, "norm": norm}


def fill_loss(made: Tensor, true: Tensor, hole: Tensor) -> tuple[Tensor, float]:
    """Absolute error inside holes, of colours and of differences; and the PSNR there in dB."""
    share = hole.mean().clamp_min(1e-4)
    colours = ((made - true).abs() * hole).mean() / share
    across = ((made - true).diff(dim=-1).abs() * hole[..., 1:]).mean() / share
    down = ((made - true).diff(dim=-2).abs() * hole[..., 1:, :]).mean() / share
    square = ((made - true).detach().square() * hole).mean() / share
    return colours + FINE * (across + down), float(-10 * torch.log10(square / 4))
