"""The stage `keyframes`: what every thing and every scene looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.keyframes import Keyframes
from flowbrush.training.distributed import to_cpu
from flowbrush.training.keyframe_data import catalogue, render
from flowbrush.training.keyframes import fit
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.sheets import write_sheet
from flowbrush.training.stages.base import Context, SingleStage, averaged

SMALL = 0.01  # errors below this count by their square, others by their size
EDGES = 2.0  # weight of the errors of differences between neighbours, that of colours being 1
SHOWN = 24  # sprites on a contact sheet


class KeyframesStage(SingleStage):
    """Scenes in closed form; things by regression from the best linear codes on: a label decides the picture, so there is nothing
    to denoise.

    AdamW for all: what convolutions have to add is small compared with a step of Muon, whose size does not fall with the error.
    """

    name = "keyframes"
    network: Keyframes

    def __init__(self, context: Context) -> None:
        self.data = render(context.recipe.card.keyframes_spec)
        super().__init__(context)
        self.optimiser = MasterOptimiser(self.network, self.config.rate, self.config.ema, muon=False)
        self.optimisers = {self.name: self.optimiser}

    def make(self) -> Keyframes:
        keyframes = Keyframes(self.context.recipe.card.keyframes_spec, catalogue())
        fit(keyframes, self.data)
        return keyframes

    def update(self, step: int, progress: float) -> dict[str, float]:
        """A few sprites."""
        rng, device = self.rng(step), self.context.device
        which = torch.from_numpy(rng.permutation(len(self.data.sprites))[: self.config.batch])
        wanted = self.data.sprites[which].to(device).float() / 255
        things = self.network.things(which.to(device)).float()
        loss = _error(things, wanted)
        loss.backward()
        norm = self.apply(self.network, self.optimiser, progress)
        return {
            "loss": float(loss.detach()),
            "decibels": _decibels(things, wanted),
            "norm": norm,
        }

    def state(self) -> dict[str, Any]:
        return {**super().state(), "buffers": to_cpu(dict(self.network.named_buffers()))}

    @torch.no_grad()
    def sheet(self, path: Path) -> None:
        """Sprites as they are above those that are made, over grey; then pictures of scenes likewise."""
        twin, device = averaged(self.network, self.optimiser), self.context.device
        assert isinstance(twin, Keyframes)
        which = torch.arange(0, len(self.data.sprites), max(1, len(self.data.sprites) // SHOWN))[:SHOWN]
        made = twin.things(which.to(device)).float()
        rows = []
        for rgba in (self.data.sprites[which].to(device).float() / 255, made.clamp(0, 1)):
            rows += list((rgba[:, :3] + 0.5 * (1 - rgba[:, 3:])).mul(2).sub(1).split(SHOWN // 3))
        step = max(1, len(self.data.scenes[0]) // 8)
        numbers = torch.arange(0, len(self.data.scenes[0]), step)
        rows.append(self.data.scenes[0][numbers].to(device).float() / 127.5 - 1)
        rows.append(
            torch.stack([twin.scene(0, number) for number in numbers.tolist()]).float().clamp(0, 1) * 2 - 1
        )
        write_sheet(path, [_square(row) for row in rows])


def _square(pictures: Tensor) -> Tensor:
    """The middle of pictures [n, 3, H, W] that are at least as wide as high."""
    high, wide = pictures.shape[2:]
    return pictures[..., (wide - high) // 2 :][..., :high]


def _error(made: Tensor, wanted: Tensor) -> Tensor:
    """Of colours and of their differences between neighbours."""
    edges = [_soft(made.diff(dim=d) - wanted.diff(dim=d)) for d in (2, 3)]
    return _soft(made - wanted) + EDGES * sum(edges)


def _soft(error: Tensor) -> Tensor:
    return (error.square() + SMALL**2).sqrt().mean() - SMALL


def _decibels(made: Tensor, wanted: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in 0..1."""
    return float(-10 * F.mse_loss(made.detach().clamp(0, 1), wanted).clamp_min(1e-9).log10())
