"""Pictures whose things are known exactly, composed in batches: what segmenter and inpainter learn from.

Grounds are parts of photos and painted scenes; a photo's own subject counts as a thing where its outline is known. Over them lie
things with their opacity and pieces of other photos with random smooth rims, from a finger's width to more than the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.training.photos.draws import blurred, chance, normal, relit, some_blurred, uniform
from flowbrush.training.photos.materials import Materials
from flowbrush.training.photos.pieces import Rim
from flowbrush.training.pool import SIZES

Rng = torch.Generator
SUBJECT = 0.35  # share of the pictures whose ground has a known subject
PAINTED = 0.15  # share of the other grounds that are painted scenes
THINGS = 4  # at most, over a ground
EDGES = (18.0, 330.0)  # pixels: sizes of things, evenly in their logarithm
PIECE = 0.35  # share of the things that are pieces of photos
KINDS = {"cut": 0.2, "rendered": 0.5, "glyph": 0.3}  # of the others, where there are any
HARMONY = 0.35  # share of the things that take on the colours of the ground
SHADOW = 0.3  # share of the things with a shadow
SOFT = 0.35  # share of the grounds without subject that are out of focus
NOISE = 0.05  # of a camera, at most
Size = tuple[int, int]


@dataclass
class Composites:
    """`pictures` [B, 3, H, W] and the bare `grounds` in 0..1, and each thing's visible `opacity` [B, K, H, W], nearest last; the
    first is the photo's own subject, empty if its outline is not known. `clear` [B] says of which pictures everything
    that stands out is known.
    """

    pictures: Tensor
    grounds: Tensor
    opacity: Tensor
    clear: Tensor


class Composer:
    """Draws composites; a pure function of the generator that is handed in."""

    def __init__(self, materials: Materials) -> None:
        self.materials = materials
        self.kinds = {kind: share for kind, share in KINDS.items() if kind in materials.things}

    def draw(self, rng: Rng, count: int, size: Size) -> Composites:
        """`count` composites of `size` (W, H)."""
        own, index = self._choose(rng, count)
        grounds, subjects = self._views(rng, index, size, own)
        grounds = some_blurred(rng, grounds, SOFT * (~own).float(), (1.0, 8.0))
        pictures, visible = grounds, [subjects * own[:, None, None, None].float()]
        for number in range(int(uniform(rng, 1, 1, THINGS + 0.999))):
            things = self._things(rng, grounds, size)
            there = chance(rng, count) < torch.where(own, 0.45, 1.0 if number == 0 else 0.8)
            alpha = things[:, 3:] * there[:, None, None, None].float()
            pictures = _shadowed(rng, pictures, alpha)
            pictures = pictures * (1 - alpha) + things[:, :3] * alpha
            visible = [below * (1 - alpha) for below in visible] + [alpha]
        clear = own | (index >= self.materials.photographic)
        return Composites(_photographed(rng, pictures), grounds, torch.cat(visible, 1), clear)

    def _choose(self, rng: Rng, count: int) -> tuple[Tensor, Tensor]:
        """Which grounds have a known subject [B], and the photos' numbers [B]."""
        m = self.materials
        own = (chance(rng, count) < SUBJECT) & (m.annotated > 0)
        painted = (chance(rng, count) < (PAINTED if m.photographic else 1.0)) & (
            len(m.photos) > m.photographic
        )
        draw = chance(rng, count)
        other = torch.where(
            painted, m.photographic + draw * (len(m.photos) - m.photographic), draw * max(1, m.photographic)
        )
        return own, torch.where(own, draw * m.annotated, other).long()

    def _views(self, rng: Rng, index: Tensor, size: Size, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Parts of photos [n, 3, H, W] in 0..1, turned and mirrored a little, and their subjects' opacity [n, 1, H, W]. Of those
        that are `whole` [n] more is seen.
        """
        count, (width, height) = len(index), size
        aspect, shape = self.materials.aspects[index], width / height
        zoom = uniform(rng, count, 0.3, 1.0)
        zoom = torch.where(whole, 0.55 + 0.5 * zoom, zoom)
        half = zoom * (aspect / shape).clamp_max(1.0)  # of the view's height, in half heights of the photo
        angle, flip = normal(rng, count, 0.12), torch.where(chance(rng, count) < 0.5, -1.0, 1.0)
        x = uniform(rng, count, -1, 1) * (aspect - half * shape).clamp_min(0)
        y = uniform(rng, count, -1, 1) * (1 - half).clamp_min(0)
        cos, sin = angle.cos() * half, angle.sin() * half
        rows = [
            torch.stack([cos * shape * flip / aspect, -sin / aspect, x / aspect], 1),
            torch.stack([sin * shape * flip, cos, y], 1),
        ]
        grid = F.affine_grid(torch.stack(rows, 1), [count, 1, height, width], align_corners=False)
        seen = [self._sampled(one, place[None]) for one, place in zip(index.tolist(), grid, strict=True)]
        both = torch.cat(seen)
        return relit(rng, both[:, :3]), both[:, 3:]

    def _sampled(self, one: int, grid: Tensor) -> Tensor:
        """Photo and subject number `one` at a grid [1, H, W, 2]: [1, 4, H, W] in 0..1."""
        both = torch.cat([self.materials.photos[one], self.materials.subjects[one]])[None].float() / 255
        return F.grid_sample(both, grid, padding_mode="reflection", align_corners=False)

    def _things(self, rng: Rng, grounds: Tensor, size: Size) -> Tensor:
        """One thing for each ground at its place: colours and opacity [B, 4, H, W]."""
        count, (width, height) = len(grounds), size
        edge = torch.exp(uniform(rng, count, math.log(EDGES[0]), math.log(EDGES[1])))
        x, y = uniform(rng, count, 0.03, 0.97) * width, uniform(rng, count, 0.06, 0.97) * height
        angle, flip = normal(rng, count, 0.3), torch.where(chance(rng, count) < 0.5, -1.0, 1.0)
        local = local_grid(x, y, edge, angle, flip, size)
        pieces = chance(rng, count) < (PIECE if self.kinds else 1.0)
        out = torch.zeros(count, 4, height, width)
        if pieces.any():
            out[pieces] = self._pieces(rng, local[pieces], edge[pieces], size)
        for one in (~pieces).nonzero()[:, 0].tolist():
            out[one] = self._kept_thing(rng, local[one : one + 1], float(edge[one]))
        return torch.cat([_harmonised(rng, out, grounds), out[:, 3:]], 1)

    def _kept_thing(self, rng: Rng, local: Tensor, edge: float) -> Tensor:
        """A thing of the materials at a grid [1, H, W, 2], `edge` pixels large: [4, H, W]."""
        kinds = list(self.kinds)
        kind = kinds[int(torch.multinomial(torch.tensor(list(self.kinds.values())), 1, generator=rng))]
        some = self.materials.things[kind]
        thing = some[int(torch.randint(len(some), (1,), generator=rng))][None].float() / 255
        thing = torch.cat([thing[:, :3] * thing[:, 3:], thing[:, 3:]], 1)
        smaller = int(thing.shape[-1] / edge)
        thing = F.avg_pool2d(thing, smaller) if smaller > 1 else thing
        drawn = F.grid_sample(thing, local, padding_mode="zeros", align_corners=False)
        colours = relit(rng, (drawn[:, :3] / drawn[:, 3:].clamp_min(1e-3)).clamp(0, 1))
        return torch.cat([colours, drawn[:, 3:]], 1)[0]

    def _pieces(self, rng: Rng, local: Tensor, edge: Tensor, size: Size) -> Tensor:
        """Pieces of photos with smooth rims, some with a limb of another texture: [n, 4, H, W]."""
        rim = Rim(rng, len(local))
        colours, opacity = self._texture(rng, len(local), size), rim.body(local, edge)
        limb = rim.limb(local, edge)
        colours = colours * (1 - limb) + self._texture(rng, len(local), size) * limb
        return torch.cat([colours, opacity.maximum(limb)], 1)

    def _texture(self, rng: Rng, count: int, size: Size) -> Tensor:
        index = (chance(rng, count) * max(1, self.materials.photographic)).long()
        return self._views(rng, index, size, torch.zeros(count, dtype=torch.bool))[0]


def local_grid(x: Tensor, y: Tensor, edge: Tensor, angle: Tensor, flip: Tensor, size: Size) -> Tensor:
    """Where each pixel lies in the squares, -1..1, of things at `x`, `y` (pixels), `edge` large: [B, H, W, 2]."""
    width, height = size
    rows, columns = torch.arange(height).float() + 0.5, torch.arange(width).float() + 0.5
    x, y, edge, angle, flip = (v[:, None, None] for v in (x, y, edge, angle, flip))
    dx, dy = (columns[None, None] - x) * (2 / edge), (rows[None, :, None] - y) * (2 / edge)
    across = (dx * angle.cos() + dy * angle.sin()) * flip
    return torch.stack([across, dy * angle.cos() - dx * angle.sin()], -1)


def draw_size(rng: Rng) -> Size:
    """One of the sizes that the student knows."""
    return SIZES[int(torch.randint(len(SIZES), (1,), generator=rng))]


def _harmonised(rng: Rng, things: Tensor, grounds: Tensor) -> Tensor:
    """Colours of things [B, 3, H, W], some moved to the mean of what is behind them: a thing may look like its ground."""
    share = uniform(rng, len(things), 0.3, 1.0) * (chance(rng, len(things)) < HARMONY)
    colours, alpha = things[:, :3], things[:, 3:]
    amount = alpha.sum((2, 3), keepdim=True).clamp_min(1)
    mean = (colours * alpha).sum((2, 3), keepdim=True) / amount
    below = (grounds * alpha).sum((2, 3), keepdim=True) / amount
    return (colours + share.view(-1, 1, 1, 1) * (below - mean)).clamp(0, 1)


def _shadowed(rng: Rng, pictures: Tensor, alpha: Tensor) -> Tensor:
    strength = uniform(rng, len(pictures), 0.15, 0.55) * (chance(rng, len(pictures)) < SHADOW)
    if not bool(strength.any()):
        return pictures
    dx, dy = int(uniform(rng, 1, -8, 8)), int(uniform(rng, 1, 2, 14))
    soft = blurred(alpha, 3.0).roll((dy, dx), (2, 3))
    return pictures * (1 - strength.view(-1, 1, 1, 1) * soft)


def _photographed(rng: Rng, pictures: Tensor) -> Tensor:
    """With the blur and the noise of a camera, some of them."""
    out = some_blurred(rng, pictures, torch.full((len(pictures),), 0.4), (0.4, 1.6))
    level = uniform(rng, len(pictures), 0, NOISE) * (chance(rng, len(pictures)) < 0.6)
    return (out + level.view(-1, 1, 1, 1) * torch.randn(out.shape, generator=rng)).clamp(0, 1)
