"""One clip of the toy world: objects with names over a scene, and everything about them known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.training.world import lexicon, paths
from flowbrush.training.world.scenes import paint_scene
from flowbrush.training.world.sprites import SpriteBook, sample_sprite

Rng = np.random.Generator
MARGIN_X, MARGIN_Y = 160, 56  # how far a scene reaches past the frame, in pixels
SPOT_TRIES = 1000
TEMPLATES = {"{o}, {s}": 0.2, "{o} in the {s}": 0.32, "{o} on the {s}": 0.16, "{o} at {s}": 0.08, "{o} and a {s}": 0.06,
             "{s}, {o}": 0.1, "{o} {s}": 0.08}  # fmt: skip
WINDOW = 144  # the square an object is drawn in: holds an 84-pixel object at any angle
# Shares of objects that turn, and grow, by themselves: one track does not say so, and nobody likes it of what he holds.
HELD_RESTLESS, FREE_RESTLESS = 0.08, 0.15


@dataclass
class WorldObject:
    """One object over F frames, in frame coordinates (pixels)."""

    name: str
    centre: np.ndarray  # [F, 2]
    size: np.ndarray  # [F] edge length
    angle: np.ndarray  # [F] radians
    held: np.ndarray  # [F] a hand has it


@dataclass
class Clip:
    """What is known of a clip: `frames` [F, 3, H, W] uint8, or None when only the facts are wanted."""

    caption: str
    scene: str
    objects: list[WorldObject]  # painted in this order: later ones cover earlier ones
    camera: np.ndarray  # [F, 2, 3] world → frame
    frames: Tensor | None = None


class World:
    """Makes clips. Every clip is a pure function of the generator handed in.

    `core_share` is the share of objects taken from the core list; the rest are from the whole list.
    """

    def __init__(self, width: int = 320, height: int = 192, core_share: float = 0.85) -> None:
        nouns = lexicon.CORE + lexicon.EXTRA
        self.book = SpriteBook({noun.name: noun.glyph for noun in nouns})
        self.core = [noun for noun in lexicon.CORE if noun.name in self.book.levels]
        self.everything = [noun for noun in nouns if noun.name in self.book.levels]
        self.width, self.height, self.core_share = width, height, core_share
        y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
        shade = (1 - x**2 - y**2).clamp(0, 1) * 0.34
        self.shadow = torch.cat([torch.zeros(3, 64, 64), shade[None]])

    def make(self, rng: Rng, frames: int = 24) -> Clip:
        """A new clip with its frames."""
        clip = self.plan(rng, frames)
        clip.frames = self.render(clip, rng)
        return clip

    def plan(self, rng: Rng, frames: int) -> Clip:
        """Who is where, when; nothing drawn yet."""
        scene = str(rng.choice(list(lexicon.SCENES)))
        count = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
        camera = paths.camera(rng, frames, self.width, self.height)
        words, objects = [], []
        for spot in self._spots(rng, count):
            noun = self.pick(rng)
            size, adjective = self._size(rng)
            objects.append(self._move(rng, noun.name, spot, size, frames, camera))
            words.append(adjective + call(rng, noun.name, noun.synonyms))
        place = call(rng, scene, lexicon.SCENES[scene])
        return Clip(caption(rng, words, place), scene, objects, camera)

    def pick(self, rng: Rng) -> lexicon.Noun:
        pool = self.core if rng.random() < self.core_share else self.everything
        return pool[int(rng.integers(len(pool)))]

    def _size(self, rng: Rng) -> tuple[float, str]:
        size = float(np.clip(rng.normal(64, 10), 44, 84))
        if rng.random() < 0.5:
            return size, ""
        return size, "small " if size < 56 else "big " if size > 72 else ""

    def _spots(self, rng: Rng, count: int) -> list[np.ndarray]:
        """Up to `count` places that keep their distance; fewer where the frame has no room for them."""
        spots: list[np.ndarray] = []
        for _ in range(SPOT_TRIES):
            if len(spots) == count:
                break
            spot = np.array([rng.uniform(0.12, 0.88) * self.width, rng.uniform(0.24, 0.82) * self.height])
            if all(np.linalg.norm(spot - other) > 66 for other in spots):
                spots.append(spot)
        return spots

    def _move(
        self, rng: Rng, name: str, spot: np.ndarray, size: float, frames: int, camera: np.ndarray
    ) -> WorldObject:
        if rng.random() < 0.65:
            centre, held = paths.hand_drag(rng, frames, spot, self.width, self.height)
            loose, restless = ~held, HELD_RESTLESS
        else:
            centre, held = paths.drift(rng, frames, spot), np.zeros(frames, bool)
            loose, restless = np.ones(frames, bool), FREE_RESTLESS
        turn = paths.smooth_walk(rng, frames, 0.25) if rng.random() < restless else np.zeros(frames)
        grow = np.exp(paths.smooth_walk(rng, frames, 0.08)) if rng.random() < restless else np.ones(frames)
        centre = _ride_along(centre, loose, camera)
        zoom = np.sqrt(np.abs(np.linalg.det(camera[:, :, :2])))
        roll = np.arctan2(camera[:, 1, 0], camera[:, 0, 0])
        return WorldObject(name, centre, size * grow * zoom, turn + roll, held)

    def render(self, clip: Clip, rng: Rng) -> Tensor:
        """The clip's frames [F, 3, H, W] uint8."""
        width, height = self.width + 2 * MARGIN_X, self.height + 2 * MARGIN_Y
        scene = torch.from_numpy(paint_scene(clip.scene, rng, width, height)).permute(2, 0, 1).float() / 255
        canvas = self._background(scene, clip.camera)  # [F, 3, H, W]
        canvas = F.pad(canvas, (WINDOW,) * 4)  # objects may hang over the edge
        shadow = clip.scene not in lexicon.SHADOWLESS
        for thing in clip.objects:
            self.paint(canvas, thing, shadow)
        canvas = canvas[:, :, WINDOW:-WINDOW, WINDOW:-WINDOW]
        return canvas.mul(255).round().clamp(0, 255).to(torch.uint8)

    def _background(self, scene: Tensor, camera: np.ndarray) -> Tensor:
        if np.allclose(camera, camera[:1]):  # standing still: cut it out once
            cut = scene[:, MARGIN_Y : MARGIN_Y + self.height, MARGIN_X : MARGIN_X + self.width]
            return cut.expand(len(camera), -1, -1, -1).clone()
        inverse = np.linalg.inv(
            np.concatenate([camera, np.tile([[[0.0, 0.0, 1.0]]], (len(camera), 1, 1))], 1)
        )[:, :2]
        y, x = np.mgrid[0 : self.height, 0 : self.width] + 0.5
        at = np.einsum("fij,jyx->fyxi", inverse, np.stack([x, y, np.ones_like(x)]))
        scale = np.array([scene.shape[2], scene.shape[1]])
        grid = torch.from_numpy(((at + np.array([MARGIN_X, MARGIN_Y])) / scale * 2 - 1).astype(np.float32))
        source = scene.expand(len(camera), -1, -1, -1)
        return F.grid_sample(source, grid, "bilinear", "reflection", align_corners=False)

    def paint(self, canvas: Tensor, thing: WorldObject, shadow: bool) -> None:
        """Draws an object, with its shadow, into `canvas` [F, 3, H + 2 WINDOW, W + 2 WINDOW] in 0..1."""
        layers, _, corner = self.layers(thing, shadow)
        for frame, (x, y) in enumerate((corner + WINDOW).tolist()):
            patch = canvas[frame, :, y : y + WINDOW, x : x + WINDOW]
            patch.mul_(1 - layers[frame, 3:]).add_(layers[frame, :3])

    def layers(self, thing: WorldObject, shadow: bool) -> tuple[Tensor, Tensor, Tensor]:
        """An object in windows: premultiplied RGBA with its shadow [F, 4, WINDOW, WINDOW], its own opacity [F, 1, WINDOW, WINDOW],
        and the windows' left top corners [F, 2] in the frame.
        """
        limit = torch.tensor([self.width, self.height]) + WINDOW * 0.45
        centre = torch.from_numpy(thing.centre).float().clamp(min=-WINDOW * 0.45)
        centre = torch.minimum(centre, limit)
        size, angle = torch.from_numpy(thing.size).float(), torch.from_numpy(thing.angle).float()
        layers, corner = self.book.draw(thing.name, centre, size, angle, WINDOW)
        own = layers[:, 3:]
        if shadow:
            foot = centre - corner + torch.stack([torch.zeros_like(size), size * 0.46], 1)
            ground = sample_sprite(self.shadow, foot, size * 0.95, torch.zeros_like(angle), WINDOW)
            ground = _squash(ground, foot)
            layers = layers + ground * (1 - layers[:, 3:])
        return layers, own, corner


def _squash(shadow: Tensor, foot: Tensor) -> Tensor:
    """Flattens round shadows [F, 4, S, S] to a quarter of their height about `foot` [F, 2]."""
    edge = shadow.shape[-1]
    y = torch.arange(edge) + 0.5
    factor = (1 - ((y[None] - foot[:, 1:]) / (edge * 0.075)) ** 2).clamp(0, 1)  # [F, S]
    return shadow * factor[:, None, :, None]


def _ride_along(centre: np.ndarray, loose: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """While nobody holds an object the camera carries it; a hand moves it in the frame. [F, 2]

    The path is taken as steps: held steps count in the frame, loose ones in the world.
    """
    result = centre.copy()
    for f in range(1, len(centre)):
        step = centre[f] - centre[f - 1]
        if loose[f]:
            world = np.linalg.solve(camera[f - 1, :, :2], result[f - 1] - camera[f - 1, :, 2])
            result[f] = camera[f, :, :2] @ (world + step) + camera[f, :, 2]
        else:
            result[f] = result[f - 1] + step
    return result


def call(rng: Rng, name: str, synonyms: tuple[str, ...]) -> str:
    if not synonyms or rng.random() < 0.6:
        return name
    return str(rng.choice(synonyms))


def caption(rng: Rng, words: list[str], place: str) -> str:
    """A caption of things in a place, put in one of a few ways."""
    template = rng.choice(list(TEMPLATES), p=list(TEMPLATES.values()))
    return str(template).format(o=named(rng, words), s=place)


def named(rng: Rng, words: list[str]) -> str:
    """Things one after the other, mostly with an article where they are not counted."""
    things = [
        f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
        if word.split()[0] not in lexicon.COUNTS.values() and rng.random() < 0.7
        else word
        for word in words
    ]
    return things[0] if len(things) == 1 else ", ".join(things[:-1]) + " and " + things[-1]
