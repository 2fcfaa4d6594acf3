"""The segmenter: from a picture and the points that a hand means to the opacity of the thing under them (pocket).

It looks with one network from far to near: at the whole picture made small, for what belongs together; then at the part around
what it found, from closer and from farther away; then at the part around what these found, for the rim. Each look is at a part and
at its mirror image; after each step the colours of what was found and of the rest have their say.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.cards.spec import SegmenterSpec
from flowbrush.models.segmentation.appearance import by_color
from flowbrush.models.segmentation.ground import is_ground
from flowbrush.models.unet import UNet

SEEN = 6  # channels: the picture, where it is meant and where not, what the look before found
STEP = 32  # pixels: what the sides of a look are multiples of; the network halves them at most five times
SPOT = 0.02  # of the looked at part's longer side: standard deviation of the spot that marks a point, as weights were trained with
ROOM = 0.25  # of a find's size: how much around it later looks see, for what the one before missed; with more they are less close
VIEWS = (0.8, 1.25)
"""Of the part around a find: how much of it each second look sees. From one distance the network errs where it does not from
another: one click on 29 subjects agrees by 0.750 instead of 0.743, and one within 12 pixels of the picture's rim by 0.48 instead of
0.44.
"""
DECIDED = 3.0  # how much steeper than the network's doubt the rim is: half taken looks like a ghost, and is wrong more often
LARGE = 416
"""Pixels of the longer side: a larger picture is made smaller first. No look sees more of it, and what colours say was weighed at
320 pixels: one click on a subject of 832 × 480 agrees with it by 0.74 instead of 0.69, in a third of the time.
"""
LEAST = 0.3  # opacity from which on a pixel counts for where the second look goes: what may be the thing, and no shimmer far off


class Segmenter(nn.Module):
    """See `segment`; `forward` is one look: [B, SEEN, h, w] → logits of the opacity [B, 1, h, w], sides multiples of STEP.

    Only the network has the type of its weights. In half precision a place is wrong by a pixel, and torch on a CPU reads past it.
    """

    def __init__(self, spec: SegmenterSpec) -> None:
        super().__init__()
        self.spec = spec
        self.net = UNet(SEEN, 1, spec.widths)

    def forward(self, seen: Tensor) -> Tensor:
        made: Tensor = self.net(seen.to(self.net.enter.weight)).to(seen)
        return made

    @torch.inference_mode()
    def segment(
        self,
        picture: Tensor,
        add: Tensor,
        remove: Tensor,
        region: Tensor | None = None,
        within: tuple[float, ...] | None = None,
    ) -> Tensor:
        """Opacity [1, H, W] in 0..1 of the thing at points `add` [n, 2] and not at `remove` [m, 2] (x, y in pixels) of a `picture`
        [3, H, W] in -1..1; `region` [H, W] is where it was roughly painted, if anybody did. A single click on plain ground finds
        nothing, where that is noticed; a second one is taken at its word, and so is one of which it is known that there is a thing
        `within` a part of the picture (left, top, right, bottom in pixels), which is all that the first look sees then.
        """
        size = tuple(picture.shape[-2:])
        shrunk = LARGE / max(size)
        if shrunk >= 1:
            return self._segment(picture, add, remove, region, within)
        small = tuple(round(side * shrunk) for side in size)
        seen = F.interpolate(picture[None], small, mode="area")[0]
        about = None if region is None else F.interpolate(region[None, None], small, mode="area")[0, 0]
        part = None if within is None else tuple(side * shrunk for side in within)
        found = self._segment(seen, add * shrunk, remove * shrunk, about, part)
        return F.interpolate(found[None], size, mode="bilinear", align_corners=False)[0]

    def _segment(
        self,
        picture: Tensor,
        add: Tensor,
        remove: Tensor,
        region: Tensor | None,
        within: tuple[float, ...] | None,
    ) -> Tensor:
        height, width = picture.shape[-2:]
        prior = picture.new_zeros(1, height, width) if region is None else region[None]
        part = within or (0.0, 0.0, float(width), float(height))
        first = by_color(picture, self._look(picture, add, remove, prior, part))
        box = around(first)
        if box is None:
            return decided(first)
        second = self._views(picture, add, remove, first, box)
        weighed = by_color(picture, second)
        third = self._look(picture, add, remove, weighed, around(weighed) or box)
        found = (second + third) / 2
        taken = decided(by_color(picture, found))
        insisted = within is not None or len(add) != 1 or len(remove) > 0 or region is not None
        refused = not insisted and is_ground(picture, found, taken, add[0])
        return torch.zeros_like(taken) if refused else taken

    def _views(
        self, picture: Tensor, add: Tensor, remove: Tensor, prior: Tensor, box: tuple[float, ...]
    ) -> Tensor:
        """The mean of looks from nearer and from farther, at each pixel of those that see it: at the picture's rim the nearer one
        does not see all of a find.
        """
        size = picture.shape[-2], picture.shape[-1]
        total, seen = picture.new_zeros(1, *size), picture.new_zeros(1, *size)
        for view in VIEWS:
            part = resized(box, view, size)
            total = total + self._look(picture, add, remove, prior, part)
            seen = seen + put_back(picture.new_ones(1, 1, 1), part, size)
        return total / seen.clamp_min(1)

    def _look(
        self, picture: Tensor, add: Tensor, remove: Tensor, prior: Tensor, box: tuple[float, ...]
    ) -> Tensor:
        """One look at the part `box` (left, top, right, bottom) of a picture; nothing is found outside."""
        seen = look_at(picture, add, remove, prior, box, self.spec.edge)
        # A network errs in one where it does not in the other.
        plain, mirrored = self(torch.stack([seen, seen.flip(-1)]))
        found = ((plain + mirrored.flip(-1)) / 2).sigmoid()  # [1, h, w]
        return put_back(found, box, picture.shape[-2:])


def look_at(
    picture: Tensor, add: Tensor, remove: Tensor, prior: Tensor, box: tuple[float, ...], edge: int
) -> Tensor:
    """What the network sees of a part of a picture, its longer side `edge` pixels: [SEEN, h, w]."""
    left, top, right, bottom = box
    scale = edge / max(right - left, bottom - top)
    h, w = (max(STEP, round(side * scale / STEP) * STEP) for side in (bottom - top, right - left))
    x = left + (torch.arange(w, device=picture.device, dtype=torch.float32) + 0.5) * ((right - left) / w)
    y = top + (torch.arange(h, device=picture.device, dtype=torch.float32) + 0.5) * ((bottom - top) / h)
    both = torch.cat([picture, prior])
    factor = max((right - left) / w, (bottom - top) / h)
    if factor > 1.2:  # seen much smaller: averaged first, or fine patterns would be taken for edges
        reach = 2 * round(factor / 2) + 1
        both = averaged(both, reach)
    height, width = picture.shape[-2:]
    grid = torch.stack(torch.meshgrid(y * (2 / height) - 1, x * (2 / width) - 1, indexing="ij")[::-1], -1)
    part = F.grid_sample(both[None], grid[None].to(both), "bilinear", "border", align_corners=False)[0]
    spot = SPOT * max(right - left, bottom - top)
    marks = [marked(points, x, y, spot).to(both) for points in (add, remove)]
    return torch.cat([part[:3], torch.stack(marks), part[3:]])


def averaged(picture: Tensor, reach: int) -> Tensor:
    """Means over squares of `reach` pixels, an odd number, of a picture [C, H, W]; at its edge of what there is of them."""
    rows = F.avg_pool2d(picture[None], (1, reach), 1, (0, reach // 2), count_include_pad=False)
    return F.avg_pool2d(rows, (reach, 1), 1, (reach // 2, 0), count_include_pad=False)[0]


def marked(points: Tensor, x: Tensor, y: Tensor, spread: float) -> Tensor:
    """Spots at `points` [n, 2] on the grid of `x` [w] and `y` [h]: [h, w] in 0..1."""
    if not len(points):
        return torch.zeros(len(y), len(x), device=x.device)
    across, down = (x[None] - points[:, :1]).square(), (y[None] - points[:, 1:]).square()
    return torch.exp((down[:, :, None] + across[:, None]) / (-2 * spread**2)).amax(0)


def put_back(found: Tensor, box: tuple[float, ...], size: tuple[int, ...]) -> Tensor:
    """A look's find [1, h, w] at its place in a picture of `size`, 0 elsewhere: [1, H, W]."""
    left, top, right, bottom = box
    height, width = size
    x = ((torch.arange(width, device=found.device) + 0.5) - left) * (2 / (right - left)) - 1
    y = ((torch.arange(height, device=found.device) + 0.5) - top) * (2 / (bottom - top)) - 1
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)
    placed = F.grid_sample(found[None], grid[None].to(found), "bilinear", "border", align_corners=False)[0]
    inside = (x.abs() <= 1)[None] & (y.abs() <= 1)[:, None]
    return placed * inside.to(placed)


def decided(found: Tensor) -> Tensor:
    """A look's find with a steeper rim."""
    return ((found.float() - 0.5) * DECIDED + 0.5).clamp(0, 1)


def around(found: Tensor) -> tuple[float, float, float, float] | None:
    """The part of a picture that a find [1, H, W] takes, with room around it; None where nothing was found."""
    rows, columns = (found[0] > LEAST).nonzero(as_tuple=True)
    if not len(rows):
        return None
    left, right = float(columns.min()), float(columns.max()) + 1
    top, bottom = float(rows.min()), float(rows.max()) + 1
    room = ROOM * max(right - left, bottom - top) + 4
    height, width = found.shape[-2:]
    return (
        max(0.0, left - room),
        max(0.0, top - room),
        min(float(width), right + room),
        min(float(height), bottom + room),
    )


def resized(
    box: tuple[float, ...], factor: float, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """A part (left, top, right, bottom) of a picture of `size` (height, width), `factor` times as large about its middle."""
    left, top, right, bottom = box
    height, width = size
    x, y = (left + right) / 2, (top + bottom) / 2
    across, down = (right - left) / 2 * factor, (bottom - top) / 2 * factor
    return (
        max(0.0, x - across),
        max(0.0, y - down),
        min(float(width), x + across),
        min(float(height), y + down),
    )
