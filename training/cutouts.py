"""Pictures with things pasted on them whose opacity is known exactly: what the segmenter and the inpainter learn from.

Grounds are photos and painted scenes; things are glyphs, and pieces of photos with random smooth rims, from a finger's width
to most of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.pool import SIZES
from training.world import lexicon
from training.world.photos import Photos
from training.world.scenes import paint_scene
from training.world.sprites import SpriteBook, sample_sprite

Rng = np.random.Generator
PHOTO_GROUND = 0.75  # share of grounds that are photos, where there are any
PHOTO_THING = 0.6  # share of things that are pieces of photos
EDGES = (22.0, 210.0)  # pixels: sizes of things, evenly in their logarithm
ROUGH = 0.5  # share of pictures that are blurred and noisy, as photos are
SOLID = 0.6  # opacity from which on a point is surely the thing's


@dataclass
class Pasted:
    """A picture [3, H, W] in 0..1, what is behind its things, and each thing's visible opacity [n, H, W], front last."""

    picture: Tensor
    ground: Tensor
    opacity: Tensor


class Cutouts:
    """Draws pictures; a pure function of the generator handed in."""

    def __init__(self, photos: Photos | None) -> None:
        self.photos = photos
        nouns = lexicon.CORE + lexicon.EXTRA
        self.book = SpriteBook({noun.name: noun.glyph for noun in nouns})
        self.names = list(self.book.levels)

    def draw(self, rng: Rng, size: tuple[int, int]) -> Pasted:
        """A picture of `size` (W, H) with one to five things."""
        width, height = size
        ground = self._ground(rng, width, height)
        picture = ground.clone()
        visible: list[Tensor] = []
        for _ in range(int(rng.integers(1, 6))):
            thing = self._thing(rng, width, height)
            alpha = thing[3]
            visible = [other * (1 - alpha) for other in visible] + [alpha]
            picture = picture * (1 - alpha) + thing[:3]
        if rng.random() < ROUGH:
            picture = roughened(rng, picture)
        return Pasted(picture.clamp(0, 1), ground, torch.stack(visible))

    def _ground(self, rng: Rng, width: int, height: int) -> Tensor:
        if self.photos is not None and rng.random() < PHOTO_GROUND:
            pixels = self.photos.background(rng, width, height, (0, 0))
        else:
            pixels = paint_scene(str(rng.choice(list(lexicon.SCENES))), rng, width, height)
        return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float() / 255

    def _thing(self, rng: Rng, width: int, height: int) -> Tensor:
        """Premultiplied RGBA [4, H, W] of one thing at its place."""
        edge = float(np.exp(rng.uniform(*np.log(EDGES))))
        if self.photos is not None and rng.random() < PHOTO_THING:
            levels = self.photos.sprite(rng)
        else:
            levels = self.book.levels[str(rng.choice(self.names))]
        level = min(levels, key=lambda s: abs(np.log(s / edge)))
        sprite = recoloured(rng, levels[level])
        place = torch.tensor([[rng.uniform(0.05, 0.95) * width, rng.uniform(0.1, 0.95) * height]])
        window = max(width, height)
        shift = torch.tensor([(window - width) / 2, (window - height) / 2])
        drawn = sample_sprite(
            sprite,
            place.float() + shift,
            torch.tensor([edge]),
            torch.tensor([rng.normal(0, 0.3)]).float(),
            window,
        )[0]
        top, left = (window - height) // 2, (window - width) // 2
        return drawn[:, top : top + height, left : left + width]


def recoloured(rng: Rng, sprite: Tensor) -> Tensor:
    """A premultiplied sprite under another light: things must not be known by their colours alone."""
    gain = torch.from_numpy(rng.uniform(0.7, 1.15, (3, 1, 1))).float() * rng.uniform(0.75, 1.1)
    colours = (sprite[:3] * gain).minimum(sprite[3:])
    if rng.random() < 0.2:
        colours = colours[torch.from_numpy(rng.permutation(3))]
    return torch.cat([colours, sprite[3:]])


def roughened(rng: Rng, picture: Tensor) -> Tensor:
    """With the blur and the noise of a camera."""
    if rng.random() < 0.6:
        share = rng.uniform(0.2, 0.9)
        blurred = F.avg_pool2d(picture[None], 3, 1, 1, count_include_pad=False)[0]
        picture = picture + share * (blurred - picture)
    noise = rng.uniform(0, 0.04)
    return picture + noise * torch.from_numpy(rng.standard_normal(picture.shape)).float()


@dataclass
class Question:
    """A picture [3, H, W] in -1..1, points (x, y) in pixels that are meant and not meant, and the opacity [H, W] that is right."""

    picture: Tensor
    add: Tensor
    remove: Tensor
    answer: Tensor


def ask(rng: Rng, pasted: Pasted) -> Question:
    """A touch on one of the things, with a second point or one that is not meant now and then; one in eight is on bare ground."""
    picture = pasted.picture * 2 - 1
    visible = [index for index, alpha in enumerate(pasted.opacity) if float((alpha > SOLID).sum()) > 40]
    bare = pasted.opacity.sum(0) < 0.02
    if not visible or (rng.random() < 0.125 and bare.any()):
        where = bare if bare.any() else pasted.opacity[-1] < 0.5
        return Question(
            picture, points_in(rng, where, 1), torch.zeros(0, 2), torch.zeros_like(pasted.picture[0])
        )
    index = int(rng.choice(visible))
    answer = pasted.opacity[index]
    inner = -F.max_pool2d(-(answer > SOLID).float()[None], 5, 1, 2)[0] > 0.5
    where = inner if inner.any() else answer > SOLID
    add = points_in(rng, where, 1 if rng.random() < 0.7 else 2)
    others = (answer < 0.05) & (F.max_pool2d(answer[None], 31, 1, 15)[0] > 0.5)
    remove = points_in(rng, others, 1) if rng.random() < 0.25 and others.any() else torch.zeros(0, 2)
    return Question(picture, add, remove, answer)


def points_in(rng: Rng, where: Tensor, count: int) -> Tensor:
    """Random points of a region [H, W]: [count, 2] (x, y)."""
    rows, columns = where.nonzero(as_tuple=True)
    chosen = torch.from_numpy(rng.integers(len(rows), size=count))
    return torch.stack([columns[chosen], rows[chosen]], 1).float() + 0.5


def draw_size(rng: Rng) -> tuple[int, int]:
    return SIZES[int(rng.integers(len(SIZES)))]
