"""Tiles laid into a hole one after the other, from its rim inwards, so that each goes on with what lies beside it.

Efros and Freeman, "Image Quilting for Texture Synthesis and Transfer", SIGGRAPH 2001, section 3: with a guide as in transfer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TILE = 4  # pixels: smaller tiles are no leaves, larger ones do not fit next to a wall
LAP = 2  # pixels around a tile that have to agree with what is there already
# How much worse a place counts each time it, or what is near it, was laid: else one leaf is laid everywhere. In units of how much
# worse the best tenth of all places is than the best one, since in a blurred ground small differences are seen.
USED = 1.0
SIDE = TILE + 2 * LAP  # of a window: a tile and what is around it


def windows(lacks: Tensor) -> Tensor:
    """Upper left corners [k] (row * (w - SIDE + 1) + column) of windows without a hole, which is where `lacks` [1, h, w] is 1."""
    if min(lacks.shape[-2:]) < SIDE:
        return torch.zeros(0, dtype=torch.long, device=lacks.device)
    return (F.max_pool2d(lacks, SIDE, 1) == 0).flatten().nonzero()[:, 0]


def quilted(picture: Tensor, lacks: Tensor, guide: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows and columns [n], some outside the picture, the pixels `at` [n] (row * w + column) of a picture [3, h, w] take
    where tiles are laid: they fit into it, where it `lacks` [1, h, w] nothing, and look like the `guide` [3, h, w]. Some of its
    `windows` must be whole.
    """
    width = picture.shape[-1]
    rows, columns = at // width, at % width
    tiles, tile = torch.stack([rows // TILE, columns // TILE], 1).unique(
        dim=0, return_inverse=True
    )  # [m, 2], [n]
    corners = tiles * TILE
    places = windows(lacks)
    across = width - SIDE + 1
    spots = torch.stack([places // across, places % across], 1) + LAP  # upper left corners of tiles [k, 2]
    shift, near = torch.zeros_like(corners), spots.float()
    laying, guided = _Laying(picture, lacks, places), _guided(guide, corners, places)
    used, tenth = torch.zeros(len(places), device=picture.device), 1 + len(places) // 10
    for index in _inwards(corners, lacks).tolist():
        top, left = corners[index].tolist()
        differ = laying.differences(top, left) + guided[index]
        worse = differ.kthvalue(tenth).values - differ.amin()
        best = int((differ + worse * used).argmin())
        laying.lay(top, left, best)
        shift[index] = spots[best] - corners[index]
        used += USED * torch.exp((near - near[best]).square().sum(1) / (-2 * TILE**2))
    return rows + shift[tile, 0], columns + shift[tile, 1]


class _Laying:
    """A picture whose hole fills up with tiles; windows are [SIDE, SIDE] pixels."""

    def __init__(self, picture: Tensor, lacks: Tensor, places: Tensor) -> None:
        self._there = _framed(1 - lacks)[0]
        self._made = _framed(picture * (1 - lacks))
        self._windows = F.unfold(picture[None], SIDE)[0].T[places].contiguous()  # [k, 3 * SIDE²]
        self._squares = self._windows.square()

    def differences(self, top: int, left: int) -> Tensor:
        """How much each window [k] differs from what is there around the tile at (left, top)."""
        window = (slice(None), slice(top, top + SIDE), slice(left, left + SIDE))
        there = self._there[window[1:]].expand(3, -1, -1).flatten()
        made = self._made[window].flatten() * there
        fit = self._squares @ there - 2 * (self._windows @ made) + made.square().sum()
        return fit / there.sum().clamp_min(SIDE)

    def lay(self, top: int, left: int, place: int) -> None:
        """Puts the tile of a window where nothing is at (left, top)."""
        inner = (slice(top + LAP, top + LAP + TILE), slice(left + LAP, left + LAP + TILE))
        tile = self._windows[place].view(3, SIDE, SIDE)[:, LAP : LAP + TILE, LAP : LAP + TILE]
        made = self._made[:, *inner]
        self._made[:, *inner] = torch.where(self._there[inner] > 0, made, tile)
        self._there[inner] = 1


def _inwards(corners: Tensor, lacks: Tensor) -> Tensor:
    """The order of tiles at `corners` [m, 2] (row, column): those first that are nearest to what is known."""
    known = (lacks[0] == 0).nonzero().float()
    return torch.cdist(corners + (TILE - 1) / 2, known).amin(1).argsort(stable=True)


def _guided(guide: Tensor, corners: Tensor, places: Tensor) -> Tensor:
    """How much the `guide` [3, h, w] around tiles at `corners` [m, 2] differs from that in the windows at `places` [k]: [m, k]."""
    framed = _framed(guide, "replicate")
    wanted = corners[:, 0] * (framed.shape[-1] - SIDE + 1) + corners[:, 1]
    here, there = (
        _thin(F.unfold(each[None], SIDE)[0].T[chosen].view(-1, 3, SIDE, SIDE)).flatten(1)
        for each, chosen in ((framed, wanted), (guide, places))
    )
    return torch.cdist(here, there).square() / here.shape[1]


def _framed(picture: Tensor, mode: str = "constant") -> Tensor:
    """A picture [C, h, w] with room around it for the window of a tile that is partly outside."""
    return F.pad(picture[None], (LAP, LAP + TILE, LAP, LAP + TILE), mode)[0]


def _thin(windows: Tensor) -> Tensor:
    """Every second row and column of windows [..., SIDE, SIDE]: the guide is smooth."""
    return windows[..., ::2, ::2]
