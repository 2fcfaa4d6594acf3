"""The stage `inpainter`: what is behind a thing that is taken away."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from models.inpainter import Inpainter
from pipelines.picture_tools import painted_over
from training.sheets import write_sheet
from training.stages.base import averaged
from training.stages.crowds import CrowdStage

EDGES = 1.0  # weight of the errors of differences between neighbours beside that of colours
SHOWN = 6  # pictures on a contact sheet


class InpainterStage(CrowdStage):
    """Pictures as the codec gives them back, with and without one of their things."""

    name = "inpainter"

    def make(self) -> Inpainter:
        spec = self.context.recipe.card.inpainter
        assert spec is not None
        return Inpainter(spec)

    def update(self, step: int, progress: float) -> dict[str, float]:
        rough, core, hole, wanted = self._batch(self.config.batch, step)
        made = self.network(rough, core, hole)
        plain, before = _error(made, wanted, hole), _error(rough, wanted, hole)
        edges = [
            _error(made.diff(dim=d), wanted.diff(dim=d), hole.narrow(d, 1, hole.shape[d] - 1)) for d in (2, 3)
        ]
        loss = plain + EDGES * sum(edges)
        loss.backward()
        norm = self.apply(self.network, self.optimiser, progress)
        return {
            "loss": float(loss.detach()),
            "error": float(plain.detach()),
            "rough": float(before),
            "norm": norm,
        }

    @torch.no_grad()
    def _batch(self, size: int, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures [size, 3, H, W] in which a thing is roughly painted over, where [size, 1, H, W] without and with its fringe, and
        what was behind it [size, 3, H, W].
        """
        rng, codec, device = self.rng(step), self.codec, self.context.device
        drawn = []
        for _ in range(size):
            shown = self.crowd(rng)
            both = torch.stack([shown.picture, shown.bare]).to(device) * 2 - 1
            picture, bare = codec.picture(codec.still(both))
            opacity = shown.opacities[shown.gone].to(device)
            drawn.append((*painted_over(picture, opacity, sparing=True), bare[None]))
        rough, core, hole, wanted = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        return rough, core, hole, wanted

    @torch.no_grad()
    def sheet(self, path: Path) -> None:
        """Roughly painted over, made better, and as it was."""
        rough, core, hole, wanted = self._batch(SHOWN, 2**31)
        twin = averaged(self.network, self.optimiser)
        write_sheet(path, [rough, twin(rough, core, hole), wanted])


def _error(made: Tensor, wanted: Tensor, hole: Tensor) -> Tensor:
    """The mean distance of colours in the holes. Not channel by channel: where it may be sky or hill, the likeliest red, green and
    blue by themselves make a colour that neither has.
    """
    distance = ((made - wanted).square().mean(1, keepdim=True) + 1e-6).sqrt()
    return (distance * hole).sum() / (hole.sum() + 1)
