"""What takes pictures apart: the networks that know things from what is behind them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.cutter import Cutter
from models.inpainter import Inpainter
from pipelines.cutting import close


@dataclass(frozen=True)
class PictureTools:
    """A model's networks for single pictures; where it has none, colours and surroundings have to do."""

    cutter: Cutter | None = None
    inpainter: Inpainter | None = None


PLAIN = PictureTools()


@torch.no_grad()
def uncovered(frame: Tensor, hole: Tensor, tools: PictureTools) -> Tensor:
    """`frame` [3, H, W] in -1..1 with what may be behind the hole [1, H, W] in 0..1."""
    ground, known = close(frame[None], (hole > 0.1).float()[None])
    rough = frame[None] + (ground - frame) * (hole * known)
    return rough[0] if tools.inpainter is None else tools.inpainter(rough, hole[None])[0]
