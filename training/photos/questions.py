"""Touches on composites: where a hand points, and what it means."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.training.photos.composites import Composites
from flowbrush.training.photos.draws import Rng, chance, uniform

SOLID = 0.6  # opacity from which on a point is surely the thing's
LEAST = 40  # such pixels, or a thing is not asked for
BARE = 0.1  # share of the touches on ground where nothing is
SECOND, AWAY = 0.25, 0.2  # shares of the touches with a second point, and with one that is not meant
NEAR = 15  # pixels: how far from a thing a point lies that is not meant
ROUGH = 0.12  # share of the things that are painted roughly instead, with or without a point
SPECK = 6  # pixels: a smaller mistake is not pointed at
SLOP = (3.0, 14.0)  # pixels: how far a rough region goes wrong


@dataclass
class Question:
    """A picture [3, H, W] in -1..1, points (x, y) in pixels that are meant [n, 2] and not meant [m, 2], what was roughly painted
    [1, H, W], and the opacity [1, H, W] that is right.
    """

    picture: Tensor
    add: Tensor
    remove: Tensor
    region: Tensor
    answer: Tensor


def ask(rng: Rng, drawn: Composites, one: int) -> Question | None:
    """A touch on picture number `one`; None where it has nothing to touch."""
    opacity = drawn.opacity[one]
    things = [k for k, alpha in enumerate(opacity) if int((alpha > SOLID).sum()) > LEAST]
    bare = opacity.sum(0) < 0.02
    picture = drawn.pictures[one] * 2 - 1
    if bool(drawn.clear[one]) and bare.any() and (not things or float(chance(rng, 1)) < BARE):
        nothing = torch.zeros_like(opacity[:1])
        return Question(picture, points_in(rng, bare, 1), torch.zeros(0, 2), nothing, nothing)
    if not things:
        return None
    answer = opacity[things[int(torch.randint(len(things), (1,), generator=rng))]]
    return _touch(rng, picture, answer)


def corrected(rng: Rng, question: Question, found: Tensor) -> Question:
    """The same touch with one more point where what was `found` [1, H, W] is most of all wrong: missing, or too much."""
    there, right = found[0] > 0.5, question.answer[0] > 0.5
    missing, surplus = right & ~there, there & ~right
    wrong = missing if missing.sum() >= surplus.sum() else surplus
    inner = -F.max_pool2d(-wrong.float()[None], 5, 1, 2)[0] > 0.5
    if int(inner.sum()) < SPECK:
        return question
    point = points_in(rng, inner, 1)
    if wrong is missing:
        return replace(question, add=torch.cat([question.add, point]))
    return replace(question, remove=torch.cat([question.remove, point]))


def _touch(rng: Rng, picture: Tensor, answer: Tensor) -> Question:
    inner = -F.max_pool2d(-(answer > SOLID).float()[None], 5, 1, 2)[0] > 0.5
    where = inner if inner.any() else answer > SOLID
    add = points_in(rng, where, 2 if float(chance(rng, 1)) < SECOND else 1)
    region, remove = torch.zeros_like(answer)[None], torch.zeros(0, 2)
    if float(chance(rng, 1)) < ROUGH:
        region = roughly(rng, answer[None])
        add = add if float(chance(rng, 1)) < 0.5 else add[:0]
    elif float(chance(rng, 1)) < AWAY:
        around = (answer < 0.05) & (spread(answer, NEAR) > 0.5)
        remove = points_in(rng, around, 1) if around.any() else remove
    return Question(picture, add, remove, region, answer[None])


def roughly(rng: Rng, answer: Tensor) -> Tensor:
    """A region as a hand paints it over a thing [1, H, W]: too wide, too narrow, a little off; 0 or 1."""
    slop = float(uniform(rng, 1, *SLOP))

    def coarse(side: int) -> int:
        return max(2, round(side / slop))

    soft = F.interpolate(
        F.adaptive_avg_pool2d(answer[None], (coarse(answer.shape[1]), coarse(answer.shape[2]))),
        answer.shape[1:],
        mode="bilinear",
        align_corners=False,
    )[0]
    return (soft > float(uniform(rng, 1, 0.15, 0.75)) * soft.max()).float()


def spread(region: Tensor, pixels: int) -> Tensor:
    """`region` [H, W] grown by `pixels` in each direction."""
    wide = F.max_pool2d(region[None, None], (1, 2 * pixels + 1), 1, (0, pixels))
    return F.max_pool2d(wide, (2 * pixels + 1, 1), 1, (pixels, 0))[0, 0]


def points_in(rng: Rng, where: Tensor, count: int) -> Tensor:
    """Random points of a region [H, W]: [count, 2] (x, y)."""
    rows, columns = where.nonzero(as_tuple=True)
    chosen = torch.randint(len(rows), (count,), generator=rng)
    return torch.stack([columns[chosen], rows[chosen]], 1).float() + 0.5
