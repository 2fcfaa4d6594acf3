"""Painted tracks as input of the student.

Two things are written on the latent grid. The *id code* (MotionStream §3.1, eq. 1): every track has a random
id, whose sinusoidal code stands in the cell where the track is, for each frame of a latent frame, the frames
packed into channels; zero elsewhere and where a track is not visible. The *guide*: how near the nearest track
is and where it goes, so that motion between the tracks need not be guessed from single cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.spec import MotionSpec

# Nearness, motion x, motion y, at half-way and at the end of the latent frame; whether there is a past; what
# is left behind.
GUIDE_CHANNELS = 8
HAS_PAST = 6  # the guide's channel that is 1 where there is a past
PACKED = 4  # pixel frames in a latent frame
ID_PERIOD = 512  # ids are drawn from 0..ID_PERIOD - 1
NEAR = 28.0  # pixels: how far a track's influence is marked in the guide


def id_code(ids: Tensor, dim: int) -> Tensor:
    """Sinusoidal codes [..., dim] of ids [...]: periods from 2 to ID_PERIOD, so that neighbours differ as
    much as any two.
    """
    half = dim // 2
    period = 2.0 * (ID_PERIOD / 2) ** (
        torch.arange(half, dtype=torch.float32, device=ids.device) / max(1, half - 1)
    )
    angle = ids.float()[..., None] * (2 * torch.pi / period)
    return torch.cat([angle.sin(), angle.cos()], -1)


def write_code(
    xy: Tensor, visible: Tensor, ids: Tensor, dim: int, stride: int, rows: int, columns: int
) -> Tensor:
    """Id codes on the latent grid, one latent frame a row of the batch.

    `xy` [B, N, PACKED, 2] in pixels, `visible` [B, N, PACKED], `ids` [B, N] → [B, PACKED * dim, rows,
    columns]. Where two tracks share a cell the later one stands.
    """
    canvas = torch.zeros(len(xy), PACKED, rows, columns, dim, device=xy.device)
    cell = (xy / stride).floor().long()
    inside = visible & (cell >= 0).all(-1) & (cell[..., 0] < columns) & (cell[..., 1] < rows)
    batch, track, frame = torch.nonzero(inside, as_tuple=True)
    x, y = cell[batch, track, frame].unbind(-1)
    # Several threads would write a shared cell in any order: the later track is found first, and written alone.
    place = ((batch * PACKED + frame) * rows + y) * columns + x
    latest = place.new_full((len(xy) * PACKED * rows * columns,), -1).scatter_reduce_(0, place, track, "amax")
    stands = latest[place] == track
    batch, track, frame, x, y = (index[stands] for index in (batch, track, frame, x, y))
    canvas[batch, frame, y, x] = id_code(ids[batch, track], dim)
    return canvas.permute(0, 1, 4, 2, 3).reshape(len(xy), PACKED * dim, rows, columns)


class TrackHead(nn.Module):
    """The packed id code [B, PACKED * d, T, h, w] through one pointwise convolution."""

    def __init__(self, spec: MotionSpec) -> None:
        super().__init__()
        self.project = nn.Conv3d(PACKED * spec.id_dim, spec.channels, 1)

    def forward(self, code: Tensor) -> Tensor:
        return self.project(code)
