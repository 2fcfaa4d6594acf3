"""The things in a picture: found by the cutter, compared by their looks, taken out and put in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from models.cutter import Cutter
from pipelines.picture_tools import FAINT, PictureTools, uncovered, widened
from pipelines.touched import FINEST, SURE, by_cutter, crisp

ASIDE = 44  # pixels between the places at which things are looked for
LARGEST = 0.3  # of the picture: what is larger is no thing
CLEAR = 0.6  # mean opacity of what is not FAINT, less than SURE counting nothing: a thing has an outline
SAME_PLACE = 0.3  # overlap from which on two things found are one
LIMB = 11  # pixels: what is thinner than this does not count when things are compared
LOOK = 24  # pixels: edge at which things are compared
ALIKE = 0.46  # mean difference of colours, in -1..1, and what outlines do not share, up to which two pictures are of one thing


class Thing(NamedTuple):
    """A thing in a picture: `colours` [3, H, W] in -1..1 and `opacity` [1, H, W]."""

    colours: Tensor
    opacity: Tensor


def things_in(cutter: Cutter, frame: Tensor, places: Tensor) -> list[Thing]:
    """The things that the cutter sees in `frame` [3, H, W] when it looks at each of `places` [n, 2]; of those that overlap the one
    with the most of it and the clearest outline.
    """
    found = by_cutter(cutter, frame, places)  # [n, 1, H, W]
    solid = found > SURE
    sizes, faint = solid.sum((1, 2, 3)), (found > FAINT).sum((1, 2, 3)).clamp_min(1)
    clear = (found * solid).sum((1, 2, 3)) / faint
    fit = (sizes >= FINEST) & (sizes <= LARGEST * frame.shape[-1] * frame.shape[-2]) & (clear > CLEAR)
    things: list[int] = []
    for index in (sizes * clear**3).argsort(descending=True).tolist():
        shared = [int((solid[index] & solid[other]).sum()) for other in things]
        if bool(fit[index]) and max(shared, default=0) <= SAME_PLACE * int(sizes[index]):
            things.append(index)
    return [Thing(frame, crisp(found[index])) for index in things]


def whole(frame: Tensor, things: Sequence[Thing]) -> Tensor:
    """Where things are: [1, H, W] in 0..1; `frame` [3, H, W] gives the size."""
    return torch.stack([frame.new_zeros(1, *frame.shape[1:]), *(thing.opacity for thing in things)]).amax(0)


def around(frame: Tensor, things: Sequence[Thing]) -> Tensor:
    """Where things are, with their shadows and seams, and soft edges: [1, H, W] in 0..1."""
    wide = widened((whole(frame, things) > FAINT).float()[None])
    return F.avg_pool2d(wide, 5, 1, 2, count_include_pad=False)[0]


def without(frame: Tensor, things: Sequence[Thing], tools: PictureTools) -> Tensor:
    """`frame` [3, H, W] without `things`, and what may be behind them."""
    return uncovered(frame, whole(frame, things), tools) if things else frame


def with_things(frame: Tensor, things: Sequence[Thing]) -> Tensor:
    for thing in things:
        frame = frame + (thing.colours - frame) * thing.opacity
    return frame


def among(thing: Thing, others: Sequence[Thing]) -> bool:
    look = _look(thing)
    return any(_alike(look, _look(other)) for other in others)


def _look(thing: Thing) -> Tensor:
    """Colours and opacity [4, LOOK, LOOK] of what the thing fills."""
    trunk = _trunk(thing.opacity)
    rows, columns = ((trunk > SURE)[0].any(axis).nonzero().flatten() for axis in (1, 0))
    both = torch.cat([thing.colours, trunk])
    part = both[:, int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    return F.interpolate(part[None], (LOOK, LOOK), mode="area")[0]


def _trunk(opacity: Tensor) -> Tensor:
    """The opacity [1, H, W] without what sticks out of it and is thin: bits of the ground, mostly, that change how it looks."""
    solid = (opacity > SURE).float()
    wide = F.max_pool2d(-F.max_pool2d(-solid, LIMB, 1, LIMB // 2), LIMB, 1, LIMB // 2)
    return opacity * wide if bool((wide * solid).any()) else opacity


def _alike(a: Tensor, b: Tensor) -> bool:
    both, either = torch.minimum(a[3], b[3]), torch.maximum(a[3], b[3])
    colours = ((a[:3] - b[:3]).abs().mean(0) * both).sum() / both.sum().clamp_min(1e-3)
    return float(colours + 1 - both.sum() / either.sum()) < ALIKE


def everywhere(frame: Tensor) -> Tensor:
    """Places [n, 2] all over the picture."""
    height, width = frame.shape[-2:]
    y = torch.arange(ASIDE // 2, height, ASIDE, device=frame.device)
    x = torch.arange(ASIDE // 2, width, ASIDE, device=frame.device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).view(-1, 2).float()
