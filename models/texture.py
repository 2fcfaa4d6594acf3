"""The texture of a filled hole, copied from where the same picture looks alike.

A network that is trained on the error of pixels fills a hole with their mean, which is a smear. What it lacks is copied in tiles
from places around that look as its fill does, made small: Efros and Freeman, "Image Quilting", SIGGRAPH 2001, guided by the fill.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels of a cell: places are compared at a quarter of the size, where the fill is as sharp as what is around it.
CELL = 4
# Cells from one tile to the next: smaller ones are no patches of leaves, larger ones do not fit next to a wall.
TILE = 4
# Tiles by which a tile lies off its place in the grid at most: rows and columns of tiles are seen as a weave. Further off is not
# what was compared.
ASIDE = 0.4
# 1 / tile²: how fast a tile passes into the next. A wide passage is a mean of both, and that is smooth; a narrow one is an edge.
NARROW = 6.0
# Cells around the middle of a tile by which it is compared, so that a wall next to it is seen; more is as good, and slower.
REACH = 2
# Pixels: what is smoother than that is left to the network, which knows what a picture looks like.
COARSE = 16
# How much worse a place counts each time it, or what is near it, was copied: else one leaf is copied everywhere. In units of how
# much worse the best tenth of all places is than the best one, since in a blurred ground small differences are seen.
USED = 0.1
DETAIL = 0.53  # of what is copied is put in: all of it costs another 1 dB where the true ground is known
FEWEST = 16  # places to copy from; a hole in next to nothing stays as it is


@torch.inference_mode()
def textured(filled: Tensor, hole: Tensor) -> Tensor:
    """A picture [3, H, W] in -1..1, sides multiples of COARSE, whose hole [1, H, W] in 0..1 was filled smoothly, with texture."""
    small = F.avg_pool2d(filled[None], CELL)[0]  # [3, h, w]
    unknown = F.max_pool2d((hole > 0).float(), CELL)[0]  # [h, w]
    places = (_grown(unknown, TILE, outside=1.0) == 0).flatten().nonzero()[:, 0]
    rows, columns = (_middles(side, filled.device) for side in small.shape[-2:])
    meets = _grown(unknown, TILE)[rows][:, columns] > 0
    if len(places) < FEWEST or not bool(meets.any()):
        return filled
    tiles = (rows[:, None] * small.shape[-1] + columns)[meets]
    shift = torch.zeros(*meets.shape, 2, dtype=torch.long, device=filled.device)  # cells down and right
    shift[meets] = _apart(_alike(small, tiles, places), tiles, small.shape[-1])
    copied = _copied(filled, shift)
    detail = copied - _smooth(copied)
    return (filled + DETAIL * (_smooth(filled) + detail - filled) * hole).clamp(-1, 1)


def _alike(small: Tensor, tiles: Tensor, places: Tensor) -> Tensor:
    """Of each of `tiles` [n] the place, one of `places` [m], that looks most like it and was not copied much yet: [n]."""
    width = small.shape[-1]
    looks = F.unfold(F.pad(small[None], (REACH,) * 4, "replicate"), 2 * REACH + 1)[0].T  # [h * w, 3 * 25]
    differ = torch.cdist(looks[tiles], looks[places]).square().div(looks.shape[1]).cpu()
    at = torch.stack([places // width, places % width], 1).float().cpu()
    used = torch.zeros(len(places))
    chosen = []
    spreads = differ.quantile(0.1, dim=1) - differ.amin(1)
    for row, spread in zip(differ, spreads, strict=True):
        best = int((row + spread * used).argmin())
        chosen.append(best)
        used += USED * torch.exp((at - at[best]).square().sum(1) / (-2 * TILE**2))
    return places[torch.tensor(chosen, device=places.device)]


def _apart(places: Tensor, tiles: Tensor, width: int) -> Tensor:
    """How many cells down and right each place is from its tile: [n, 2]."""
    return torch.stack([places // width - tiles // width, places % width - tiles % width], 1)


def _copied(picture: Tensor, shift: Tensor) -> Tensor:
    """A picture [3, H, W] made of tiles that lie `shift` [rows, columns, 2] cells from their places."""
    height, width = picture.shape[-2:]
    y, x = torch.arange(height, device=picture.device), torch.arange(width, device=picture.device)
    down, right = (((along + 0.5) / CELL - 0.5) / TILE for along in (y, x))  # in tiles
    total, weights = torch.zeros_like(picture), picture.new_zeros(height, width)
    for below, right_of in itertools.product((-1, 0, 1), (-1, 0, 1)):
        row, column = (down.round() + below).long()[:, None], (right.round() + right_of).long()[None]
        aside_y, aside_x = _aside(row, column)
        away = (down[:, None] - row - aside_y).square() + (right[None] - column - aside_x).square()
        weight = torch.exp(-NARROW * away)
        moved = CELL * shift[row.clamp(0, len(shift) - 1), column.clamp(0, shift.shape[1] - 1)]
        at_y, at_x = (
            (y[:, None] + moved[..., 0]).clamp(0, height - 1),
            (x + moved[..., 1]).clamp(0, width - 1),
        )
        total += picture[:, at_y, at_x] * weight
        weights += weight
    return total / weights


def _aside(row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    """How far down and right of its place in the grid a tile's middle lies, in tiles, at most ASIDE: spread evenly, by multiples of
    the plastic number's inverses (Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018).
    """
    down, right = 0.7548777 * row + 0.5698403 * column, 0.5698403 * row + 0.7548777 * column + 0.5
    return ASIDE * (2 * (down % 1) - 1), ASIDE * (2 * (right % 1) - 1)


def _middles(cells: int, device: torch.device) -> Tensor:
    """Where the tiles of a side have their middles, in cells."""
    return (torch.arange(-(-cells // TILE) + 1, device=device) * TILE).clamp(max=cells - 1)


def _smooth(picture: Tensor) -> Tensor:
    """What a picture [3, H, W] looks like made COARSE times smaller."""
    small = F.avg_pool2d(picture[None], COARSE)
    return F.interpolate(small, picture.shape[-2:], mode="bilinear", align_corners=False)[0]


def _grown(mask: Tensor, cells: int, outside: float = 0.0) -> Tensor:
    """`mask` [h, w] grown on all sides; what lies outside of it counts as `outside`."""
    padded = F.pad(mask[None, None], (cells,) * 4, value=outside)
    return F.max_pool2d(padded, 2 * cells + 1, 1)[0, 0]
