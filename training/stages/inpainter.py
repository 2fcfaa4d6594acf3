"""The stage `inpainter`: what may be behind a thing, on pictures whose ground is known."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.inpainting.inpainter import Inpainter
from flowbrush.training.photos.composites import Composer, draw_size
from flowbrush.training.photos.materials import Materials
from flowbrush.training.stages.base import SingleStage

FRINGE = 9  # pixels: edge of the square by which a hole is wider than the thing
FINE = 0.5  # weight of the error of differences between neighbours: a smear has none


class InpainterStage(SingleStage):
    name = "inpainter"

    def make(self) -> Inpainter:
        return Inpainter(self.context.recipe.card.pocket_inpainter)

    def begin(self, step: int) -> None:
        self.composer = Composer(Materials.load(self.context.run.folder / "photos", self.context.recipe.seed))

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = torch.Generator().manual_seed(int(self.rng(step).integers(2**62)))
        drawn = self.composer.draw(rng, self.config.batch, draw_size(rng))
        ground = (drawn.grounds * 2 - 1).to(self.context.device)
        things = drawn.opacity[:, 1:2].to(self.context.device)
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
