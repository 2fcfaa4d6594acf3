"""A filled hole made sharp: of patches that the same picture has elsewhere.

A network that is trained on the error of pixels fills a hole with their mean, which is a smear: it knows what belongs there, and
not how that looks. So the hole is put together again of what is around. At a quarter of the size tiles are laid that agree with
the fill made smooth and with each other; then each patch looks for one that fits better into what they make, at a quarter and at
half of the size, where places spread from patch to patch (Barnes et al., "PatchMatch", SIGGRAPH 2009). The whole picture copies
what these found.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.inpainting.quilting import quilted, windows

REACH = 2  # pixels around the middle of a patch; wider ones find no place that fits next to a wall
COARSE = 8  # pixels: what is smoother is the network's word on what belongs there
GUIDE = 3.5  # what agreeing with that weighs, against fitting into what is made
# How much better a patch from elsewhere must fit to break up a tile: tiles are sharp, and patches that are chosen one by one are
# drawn to the smoothest ground.
BETTER = 2.5
# Of how many that fit best a patch from elsewhere is one, by chance: many that look alike want the same, and one leaf beside itself
# is a weave. Of twice as many the last fit no longer: an edge is lost.
ALIKE = 8
FILL = 0.17  # of the network's fill is left: what was copied is never the right leaf, and costs 0.2 dB more without it
FEWEST = 16  # windows to copy from; a hole in next to nothing stays as it is


@dataclass(frozen=True)
class Level:
    """A picture made smaller. Its pixels are counted row * width + column."""

    known: Tensor
    """[3, h, w]; in the hole what it was filled with."""
    lacks: Tensor
    """[1, h, w]: 1 in the hole."""
    at: Tensor
    """[n]: middles of the patches that have to do with the hole."""
    free: Tensor
    """[h * w]: whether the patch around a pixel is whole, and known."""

    @classmethod
    def of(cls, filled: Tensor, unknown: Tensor, times: int) -> Level:
        """A picture [3, H, W], `times` smaller; `unknown` [1, H, W] is 1 in its hole."""
        lacks = F.max_pool2d(unknown, times)
        at = _grown(lacks, outside=0.0).flatten().nonzero()[:, 0]
        free = _grown(lacks, outside=1.0).flatten() == 0
        return cls(F.avg_pool2d(filled[None], times)[0], lacks, at, free)

    def made_of(self, taken: Tensor) -> Tensor:
        """What is known, and in the hole the mean of the patches around `taken` [n] that lie there: [3, h, w]."""
        height, width = self.lacks.shape[-2:]
        takes = torch.full_like(self.free, -1, dtype=torch.long).index_put((self.at,), taken)
        takes = F.pad(takes.view(height, width), (REACH,) * 4, value=-1).flatten()  # of patches outside: none
        colours = (
            F.pad(self.known, (0, 0, 0, 0, 0, 1), value=1.0).flatten(1).T
        )  # [h * w, 4], the last to count by
        colours = F.pad(colours, (0, 0, 0, 1))  # and nothing, where no patch is
        hole, wide = self.lacks.flatten().nonzero()[:, 0], width + 2 * REACH
        middles = (hole // width + REACH) * wide + hole % width + REACH
        total = torch.zeros(len(hole), 4, device=taken.device)
        for down in range(-REACH, REACH + 1):
            for right in range(-REACH, REACH + 1):
                there = takes[middles - (down * wide + right)]
                total += colours[torch.where(there >= 0, there + down * width + right, -1)]
        made = self.known.flatten(1).clone()
        made[:, hole] = (total[:, :3] / total[:, 3:].clamp_min(1)).T
        return made.view_as(self.known)


@torch.inference_mode()
def patched(filled: Tensor, hole: Tensor) -> Tensor:
    """A picture [3, H, W] in -1..1, sides multiples of COARSE, whose hole [1, H, W] in 0..1 was filled smoothly, with patches of
    its surroundings in it.
    """
    unknown, fill = (hole > 0).float(), _smooth(filled)
    quarter, half, whole = (Level.of(filled, unknown, times) for times in (4, 2, 1))
    if not len(quarter.at) or len(windows(quarter.lacks)) < FEWEST:
        return filled
    taken = _tiles(quarter, _resized(fill, quarter.known))
    looks = _looks(quarter.made_of(taken), fill)
    taken = _spread(quarter, looks, _better(quarter, looks, taken))
    taken = _larger(quarter, taken, half)
    taken = _spread(half, _looks(half.made_of(taken), fill), taken)
    made = whole.made_of(_larger(half, taken, whole))
    return (filled + (1 - FILL) * (made - filled) * hole).clamp(-1, 1)


def _tiles(level: Level, guide: Tensor) -> Tensor:
    """What the patches of the hole take [n] where tiles are laid that look like the `guide` [3, h, w]."""
    height, width = level.lacks.shape[-2:]
    taken = _inside(*quilted(level.known, level.lacks, guide, level.at), height, width)
    missing = (taken < 0) | ~level.free[taken]
    taken[missing], _ = _nearest(_looks(guide, guide), level.at[missing], level)
    return taken


def _nearest(looks: Tensor, at: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """For each of the patches around `at` [n] one of the ALIKE that look most like it, and how much that differs: [n] each."""
    places = level.free.nonzero()[:, 0]
    differ, best = torch.cdist(looks[at], looks[places]).topk(min(ALIKE, len(places)), largest=False)
    chance = torch.Generator().manual_seed(0)  # the same hole is filled in the same way
    which = torch.randint(best.shape[1], (len(at), 1), generator=chance).to(at.device)
    return places[best.gather(1, which)[:, 0]], differ.gather(1, which)[:, 0].square()


def _better(level: Level, looks: Tensor, taken: Tensor) -> Tensor:
    """`taken` [n], or a patch of anywhere that fits much better, and better than where a neighbour wants the same."""
    other, then = _nearest(looks, level.at, level)
    worth = (looks[level.at] - looks[taken]).square().sum(1) - BETTER * then
    wide = level.lacks.shape[-1] + 2  # with a frame around it
    middles = (level.at // (wide - 2) + 1) * wide + level.at % (wide - 2) + 1
    frame = worth.new_full(((level.lacks.shape[-2] + 2) * wide,), -1)
    wants, worths = (frame.to(each.dtype).index_put((middles,), each) for each in (other, worth))
    gained = worth > 0
    for beside in (-wide - 1, -wide, 1 - wide, -1, 1, wide - 1, wide, wide + 1):
        gained &= (wants[middles + beside] != other) | (worths[middles + beside] < worth)
    return torch.where(gained, other, taken)


def _looks(picture: Tensor, fill: Tensor) -> Tensor:
    """By what patches of a picture [3, h, w] are compared: their pixels, and the smooth `fill` there: [h * w, 78]."""
    padded = F.pad(picture[None], (REACH,) * 4, "replicate")
    patches = F.unfold(padded, 2 * REACH + 1)[0].T
    guide = _resized(fill, picture).flatten(1).T
    return torch.cat([patches / patches.shape[1] ** 0.5, guide * (GUIDE / guide.shape[1]) ** 0.5], 1)


def _spread(level: Level, looks: Tensor, taken: Tensor) -> Tensor:
    """Better places [n] than `taken` [n]: each patch tries the one beside what its neighbour takes."""
    height, width = level.lacks.shape[-2:]
    wanted, taken = looks[level.at], taken.clone()
    differ = (wanted - looks[taken]).square().sum(1)
    rows, columns = level.at // width, level.at % width
    takes = torch.full_like(level.free, -1, dtype=torch.long)
    takes[level.at] = taken
    for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        beside = _inside(rows + down, columns + right, height, width)
        theirs = torch.where(beside >= 0, takes[beside], -1)
        mine = _inside(theirs // width - down, theirs % width - right, height, width)
        tried = ((theirs >= 0) & (mine >= 0) & level.free[mine]).nonzero()[:, 0]
        other = (wanted[tried] - looks[mine[tried]]).square().sum(1)
        better = other < differ[tried]
        chosen = tried[better]
        taken[chosen], differ[chosen] = mine[chosen], other[better]
    return taken


def _larger(small: Level, taken: Tensor, large: Level) -> Tensor:
    """What the patches of a larger picture's hole take [m], where those of the smaller one's take `taken` [n]."""
    (height, width), wide = small.lacks.shape[-2:], large.lacks.shape[-1]
    times = wide // width
    takes = taken.new_zeros(height * width).index_put((small.at,), taken)
    rows, columns = large.at // wide, large.at % wide
    place = takes[rows // times * width + columns // times]
    return (place // width * times + rows % times) * wide + place % width * times + columns % times


def _inside(rows: Tensor, columns: Tensor, height: int, width: int) -> Tensor:
    """Pixels [n]; -1 where they are outside the picture."""
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return torch.where(inside, rows * width + columns, -1)


def _resized(picture: Tensor, like: Tensor) -> Tensor:
    """A picture [3, *, *] at the size of another [C, h, w]: [3, h, w]."""
    if picture.shape[-2:] == like.shape[-2:]:
        return picture
    return F.interpolate(picture[None], like.shape[-2:], mode="bilinear", align_corners=False)[0]


def _smooth(picture: Tensor) -> Tensor:
    """What a picture [3, H, W] looks like made COARSE times smaller, at its own size."""
    return _resized(F.avg_pool2d(picture[None], COARSE)[0], picture)


def _grown(mask: Tensor, outside: float) -> Tensor:
    """`mask` [1, h, w] grown by the reach of a patch; what lies outside of it counts as `outside`."""
    return F.max_pool2d(F.pad(mask, (REACH,) * 4, value=outside), 2 * REACH + 1, 1)
