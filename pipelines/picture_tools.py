"""What takes pictures apart: the networks that know things from what is behind them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.cutter import Cutter
from models.inpainter import Inpainter
from pipelines.cutting import close

FRINGE = (
    12  # pixels around a thing that may show its shadow, its seam and the ringing of the codec's blocks of 8
)
BELOW = 18  # pixels below a thing that may have its shadow
SEAM = 3  # pixels at the edge of a thing that have something of it
FAINT = 0.15  # opacity from which on a pixel may have something of a thing


@dataclass(frozen=True)
class PictureTools:
    """A model's networks for single pictures; where it has none, colours and surroundings have to do."""

    cutter: Cutter | None = None
    inpainter: Inpainter | None = None


PLAIN = PictureTools()


def widened(core: Tensor) -> Tensor:
    """Things [B, 1, H, W] in 0..1, with the fringe that may show their shadow, their seam and the ringing of the codec's blocks."""
    wide = F.max_pool2d(core, (1, 2 * FRINGE + 1), 1, (0, FRINGE))
    return F.max_pool2d(wide, (2 * FRINGE + 1, 1), 1, (FRINGE, 0))


@torch.no_grad()
def uncovered(frame: Tensor, core: Tensor, tools: PictureTools) -> Tensor:
    """`frame` [3, H, W] in -1..1 with what may be behind the things [1, H, W] in 0..1."""
    rough, core, hole = painted_over(frame, core, tools.inpainter is not None)
    return (rough if tools.inpainter is None else tools.inpainter(rough, core, hole))[0]


def painted_over(frame: Tensor, core: Tensor, sparing: bool) -> tuple[Tensor, Tensor, Tensor]:
    """`frame` [1, 3, H, W] with things painted over from around them, and where they are without and with a fringe [1, 1, H, W].
    `sparing` leaves most of the fringe as it is, but below things, where their shadows are.
    """
    core = (core > FAINT).float()[None]
    hole = widened(core)
    if sparing:
        core = F.max_pool2d(F.pad(core, (SEAM, SEAM, BELOW, SEAM)), (BELOW + SEAM + 1, 2 * SEAM + 1), 1)
        hole = torch.maximum(hole, core)
    ground, known = close(frame[None], hole)
    return frame + (ground - frame) * (core if sparing else hole) * known, core, hole
