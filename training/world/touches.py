"""Pictures in which things stand close and cover each other, the same without one of them, and hands that touch them: what cutter
and inpainter learn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.world import lexicon
from training.world.clip import WINDOW, World, WorldObject
from training.world.scenes import paint_scene
from training.world.sprites import SpriteBook

Rng = np.random.Generator
STRANGERS = [*range(0x1F400, 0x1F54E), *range(0x1F600, 0x1F640), *range(0x1F680, 0x1F6D3), *range(0x1F90C, 0x1FA00)]  # fmt: skip
STRANGE = 0.4  # share of the things that are none of the world's: the cutter is for anything that stands out
SIZES = (34.0, 115.0)  # pixels
HERD = 0.75  # of the things stand by another one
BESIDE = (0.3, 1.4)  # mean sizes of two that stand together: the distance between their middles
TURNED = 0.3  # share of the things that are not upright
RECOLOURED = 0.3  # share of pictures, and of things, with colours exchanged
BARE = 0.12  # share of the touches where nothing is
MISSED = 0.15  # share of the touches a little beside the thing
BY = 8.0  # pixels: how far beside
POINTS = 4  # points of a hand at most
SEEN = 120  # pixels of a thing that must be seen for it to be touched
OPAQUE = 0.6


class Touched(NamedTuple):
    """Where a hand touches, [n, 2] in pixels, and the opacity [1, H, W] of what it touches there."""

    points: Tensor
    opacity: Tensor


@dataclass
class Scenes:
    """Scenes painted once, larger than a frame, to take pieces of: `pictures` [n, 3, H, W] uint8, and the `names` of them."""

    pictures: Tensor
    names: list[str]

    @classmethod
    def paint(cls, world: World, count: int, rng: Rng) -> Scenes:
        names = [str(rng.choice(list(lexicon.SCENES))) for _ in range(count)]
        painted = [paint_scene(name, rng, world.width * 2, world.height * 3 // 2) for name in names]
        return cls(torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2), names)

    def draw(self, world: World, rng: Rng) -> tuple[Tensor, str]:
        """A piece [3, H, W] in 0..1 of one of them, and its name."""
        index = int(rng.integers(len(self.names)))
        height, width = self.pictures.shape[-2:]
        x, y = int(rng.integers(width - world.width + 1)), int(rng.integers(height - world.height + 1))
        piece = self.pictures[index, :, y : y + world.height, x : x + world.width].float() / 255
        return piece.flip(-1) if rng.random() < 0.5 else piece, self.names[index]


def add_strangers(world: World) -> list[str]:
    """Puts glyphs that the world has no name for into its book. Returns what they are called there."""
    book = SpriteBook({f"{code:x}": chr(code) for code in STRANGERS})
    world.book.levels |= book.levels
    return list(book.levels)


class Crowd(NamedTuple):
    """A `picture` [3, H, W] in 0..1, what can be seen of each of its n things, `opacities` [n, 1, H, W], and `bare` [3, H, W], the
    same picture without thing number `gone`.
    """

    picture: Tensor
    opacities: Tensor
    gone: int
    bare: Tensor


def crowd(world: World, strangers: list[str], scenes: Scenes, rng: Rng) -> Crowd:
    """One to five things over a piece of a scene."""
    ground, scene = scenes.draw(world, rng)
    canvas = F.pad(ground, (WINDOW,) * 4).repeat(2, 1, 1, 1)  # with and without the one that will be gone
    things = _herd(world, strangers, rng)
    shown: list[Tensor] = []
    gone = int(rng.integers(len(things)))
    for number, thing in enumerate(things):
        layers, own, corner = world.layers(thing, scene not in lexicon.SHADOWLESS)
        if rng.random() < RECOLOURED:
            layers = layers[:, [*rng.permutation(3).tolist(), 3]]
        x, y = (corner[0] + WINDOW).tolist()
        window = (..., slice(y, y + WINDOW), slice(x, x + WINDOW))
        painted = canvas[:1] if number == gone else canvas
        painted[window] = painted[window] * (1 - layers[:, 3:]) + layers[:, :3]
        for below in shown:
            below[window] *= 1 - own[0]
        shown.append(torch.zeros_like(canvas[0, :1]))
        shown[-1][window] = own[0]
    inner = (..., slice(WINDOW, -WINDOW), slice(WINDOW, -WINDOW))
    pictures = canvas[inner].clamp(0, 1)
    if rng.random() < RECOLOURED:
        pictures = pictures[:, rng.permutation(3).tolist()]
    return Crowd(pictures[0], torch.stack(shown)[inner], gone, pictures[1])


def _herd(world: World, strangers: list[str], rng: Rng) -> list[WorldObject]:
    """One to five things, most of them close to another one."""
    things: list[WorldObject] = []
    frame = np.array([world.width, world.height])
    for _ in range(int(rng.integers(1, 6))):
        size = float(np.exp(rng.uniform(*np.log(SIZES)))) if rng.random() < 0.5 else rng.normal(64, 10)
        size = float(np.clip(size, *SIZES))
        at = rng.uniform(0.03, 0.97, 2) * frame
        if things and rng.random() < HERD:
            other = things[int(rng.integers(len(things)))]
            way, angle = rng.uniform(*BESIDE) * (size + other.size[0]) / 2, rng.uniform(0, 2 * np.pi)
            at = other.centre[0] + way * np.array([np.cos(angle), np.sin(angle)])
        at = np.clip(at, 0, frame)
        name = str(rng.choice(strangers)) if rng.random() < STRANGE else world.pick(rng).name
        turn = rng.normal(0, 0.5) if rng.random() < TURNED else 0.0
        things.append(WorldObject(name, at[None], np.array([size]), np.array([turn]), np.array([False])))
    return things


def touch(opacities: Tensor, rng: Rng) -> Touched | None:
    """A hand on one of the things whose `opacities` [n, 1, H, W] are seen, or on none. None where there is nowhere to touch."""
    seen = [one for one in opacities if int((one > OPAQUE).sum()) >= SEEN]
    if not seen or rng.random() < BARE:
        apart = F.max_pool2d(opacities.amax(0)[None], 25, 1, 12)[0]
        places = (apart < 0.02)[0].nonzero()
        if not len(places):
            return None
        return Touched(_some(places, 1, rng), torch.zeros_like(opacities[0]))
    opacity = seen[int(rng.integers(len(seen)))]
    count = int(rng.integers(2, POINTS + 1)) if rng.random() < 0.3 else 1
    points = _some((opacity[0] > OPAQUE).nonzero(), count, rng)
    if count == 1 and rng.random() < MISSED:
        aside = points + torch.from_numpy(rng.uniform(-BY, BY, 2)).float()
        x, y = (int(v) for v in aside[0])
        height, width = opacity.shape[-2:]
        if 0 <= x < width and 0 <= y < height and float((opacities.amax(0) - opacity)[0, y, x]) < 0.1:
            points = aside  # not on another thing
    return Touched(points, opacity)


def _some(places: Tensor, count: int, rng: Rng) -> Tensor:
    """`count` of `places` [n, 2] (row, column) as points [count, 2] (x, y)."""
    chosen = places[torch.from_numpy(rng.integers(0, len(places), count))]
    return chosen.flip(-1).float() + 0.5
