"""The world that lives: things hop, swim and sway over scenes in motion, and all that a student has to say of it is known.

A clip's frames are exactly what the one warp makes of its rigid reference and its flows, and light added to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipelines.reference.warp import over, warp
from training.world import lexicon, paths, rigid, traces, verbs
from training.world.bodies import CHUNK, ROLLING, Base, Mover, Place, holds, move, start_spot
from training.world.clip import MARGIN_X, MARGIN_Y, call, caption
from training.world.deform import Placed, thing_flow
from training.world.gaits import live
from training.world.living_scene import Alive, View, enliven
from training.world.particles import Veil
from training.world.photos import Photos
from training.world.scenes import Layout, lay_out_scene
from training.world.sprites import SpriteBook
from training.world.verbs import Doing, Weather

Rng = np.random.Generator
Array = np.ndarray
SAYS_WHAT = 0.5  # share of clips whose caption has verbs
SAYS_OF_ONE = 0.85  # ... and of things in it that are said to do something
SAYS_WEATHER = 0.3
TOUCHED = 0.55  # share of things that a hand takes at some time
ROLLED = 0.25  # share of rolling things that do not start upright
PHOTO = "photo"  # the scene of a clip over a photo
CUT_OUT_SIZES = (48.0, 150.0)  # pixels
APART = 66  # pixels between things at first
SPOT_TRIES = 40


@dataclass
class LivingThing:
    """One thing over F frames. `pose` [F, 4] is its base pose in the frame: x, y, size in pixels, angle in radians; `held` [F]."""

    name: str
    kind: str
    doing: Doing | None
    pose: Array
    held: Array


@dataclass
class LivingClip:
    """A clip and everything that is known of it, F frames in chunks of 4, of W x H pixels in h x w cells of 8 x 8.

    `ground` [F, 3, H, W] and `things_rgba` [F, 4, H, W] (premultiplied) uint8: the rigid reference.
    `thing_flow` and `ground_flow` [F, 2, h, w] pixels: what bends it, relative to the chunk's reference poses.
    `drive` [F / 4, 3, h, w]: what the base pose of the thing in a cell gains by itself in the chunk, pixels and radians.
    `frames` [F, 3, H, W] uint8: the truth. `held` [F / 4, h, w]: 1 in the cells of what a hand has.
    `velocity` [F, 2, h, w]: pixels that the reference in a cell has come since the end of the chunk before.
    `owner` [F / 4, h, w]: the thing in front, -1 where there is none. `things` are in the order of drawing, the furthest first.
    """

    caption: str
    scene: str
    things: list[LivingThing]
    ground: Tensor
    things_rgba: Tensor
    thing_flow: Tensor
    ground_flow: Tensor
    drive: Tensor
    frames: Tensor
    held: Tensor
    velocity: Tensor
    owner: Tensor


@dataclass
class _Actor:
    """A thing before it moves: what it does, and where it starts in the frame."""

    name: str
    kind: str
    doing: Doing | None
    size: float
    start: Array


@dataclass
class _Plan:
    """Who is there, what they do, and where: `layout` in world pixels."""

    scene: str
    picture: Array
    layout: Layout
    weather: Weather | None
    caption: str
    actors: list[_Actor]
    book: SpriteBook


class LivingWorld:
    """Makes living clips. Every clip is a pure function of the generator handed in.

    `core_share` is the share of things taken from the core list; the rest are from the whole list. `photo_share` of the clips show
    `photos`, where there are any: a photo as the scene ("photo"), and pieces of others as things.
    """

    def __init__(
        self,
        width: int = 320,
        height: int = 192,
        core_share: float = 0.85,
        photos: Photos | None = None,
        photo_share: float = 0.3,
    ) -> None:
        nouns = lexicon.CORE + lexicon.EXTRA
        self.book = SpriteBook({noun.name: noun.glyph for noun in nouns})
        self.core = [noun for noun in lexicon.CORE if noun.name in self.book.levels]
        self.everything = [noun for noun in nouns if noun.name in self.book.levels]
        self.width, self.height, self.core_share = width, height, core_share
        self.photos, self.photo_share = photos, photo_share

    def make(self, rng: Rng, frames: int) -> LivingClip:
        """A new clip. Raises ValueError where `frames` is no whole number of chunks of 4."""
        if frames <= 0 or frames % CHUNK:
            raise ValueError(
                f"{frames} frames: expected a multiple of {CHUNK}, for a clip is made of whole chunks"
            )
        camera = paths.camera(rng, frames, self.width, self.height)
        of_photos = self.photos is not None and rng.random() < self.photo_share
        plan = self._plan_photo(rng, self.photos) if self.photos and of_photos else self._plan(rng)
        bases = [self._move(rng, plan, actor, camera) for actor in plan.actors]
        return self._show(rng, plan, bases, camera)

    def _show(self, rng: Rng, plan: _Plan, bases: list[Base], camera: Array) -> LivingClip:
        """The clip of things on their base paths."""
        actors, frames = plan.actors, len(camera)
        rigids = [
            rigid.reference(base, actor.size, camera) for base, actor in zip(bases, actors, strict=True)
        ]
        shapes = [live(rng, a.kind, a.doing, base, a.size) for a, base in zip(actors, bases, strict=True)]
        bodies = [
            traces.Body(a.kind, base, shape, r.size)
            for a, base, shape, r in zip(actors, bases, shapes, rigids, strict=True)
        ]
        view = View(camera, self.width, self.height, plan.layout, _wind(rng, plan.weather))
        alive = enliven(rng, plan.scene, view, plan.weather)
        left = traces.leave(rng, plan.scene, view, bodies)
        things_rgba, seen = rigid.draw_things(
            plan.book, [a.name for a in actors], rigids, self.width, self.height
        )
        scene = torch.from_numpy(plan.picture).permute(2, 0, 1).float() / 255
        ground = rigid.ground_frames(scene, camera, (MARGIN_X, MARGIN_Y), self.width, self.height)
        placed = [
            Placed(r.middle, b.base.frame[1:], r.turned, r.size, b.shape)
            for r, b in zip(rigids, bodies, strict=True)
        ]
        flow = torch.from_numpy(thing_flow(placed, frames, self.width, self.height))
        owner = rigid.owners(seen)
        return LivingClip(
            caption=plan.caption,
            scene=plan.scene,
            things=[_thing(*facts) for facts in zip(actors, rigids, bases, strict=True)],
            ground=ground,
            things_rgba=things_rgba,
            thing_flow=flow,
            ground_flow=torch.from_numpy(alive.flow),
            drive=_by_owner(owner, np.stack([r.drive for r in rigids])),
            frames=_truth(things_rgba, ground, flow, alive, left),
            held=_by_owner(owner, np.stack([b.held for b in bases])[..., None])[:, 0],
            velocity=torch.from_numpy(rigid.velocities(seen, rigids, camera)),
            owner=owner,
        )

    def _plan(self, rng: Rng) -> _Plan:
        scene = str(rng.choice(list(lexicon.SCENES)))
        size = self.width + 2 * MARGIN_X, self.height + 2 * MARGIN_Y
        picture, layout = lay_out_scene(scene, rng, *size)
        weather = verbs.draw_weather(rng, scene) if rng.random() < SAYS_WEATHER else None
        plan = _Plan(scene, picture, _in_pixels(layout, *size), weather, "", [], self.book)
        says = rng.random() < SAYS_WHAT
        words: list[str] = []
        for _ in range(int(rng.choice([1, 2, 3], p=[0.45, 0.37, 0.18]))):
            self._add(rng, plan, words, says)
        plan.actors.sort(key=lambda actor: float(actor.start[1]))
        plan.caption = caption(rng, words, call(rng, scene, lexicon.SCENES[scene]))
        if weather:
            sky = verbs.say_weather(rng, weather, scene)
            plan.caption = f"{sky}, {plan.caption}" if rng.random() < 0.4 else f"{plan.caption}, {sky}"
        return plan

    def _add(self, rng: Rng, plan: _Plan, words: list[str], says: bool) -> None:
        """One more thing, where there is room for it."""
        pool = self.core if rng.random() < self.core_share else self.everything
        noun = pool[int(rng.integers(len(pool)))]
        kind = verbs.kind_of(noun.name, plan.scene)
        size = float(np.clip(rng.normal(64, 10), 44, 84))
        doing = verbs.draw_doing(rng, noun.name, plan.scene) if says and rng.random() < SAYS_OF_ONE else None
        for _ in range(SPOT_TRIES):
            spot = start_spot(rng, kind, doing, size, self._place(plan))
            if all(np.linalg.norm(spot - other.start) > APART for other in plan.actors):
                break
        else:
            if plan.actors:
                return
        adjective = "" if rng.random() < 0.5 else "small " if size < 56 else "big " if size > 72 else ""
        word = adjective + call(rng, noun.name, noun.synonyms)
        words.append(verbs.say_doing(rng, word, doing) if doing else word)
        plan.actors.append(_Actor(noun.name, kind, doing, size, spot))

    def _plan_photo(self, rng: Rng, photos: Photos) -> _Plan:
        """Soft bodies over a photo. Nobody said what they are; what falls from the sky may be said."""
        picture = photos.background(rng, self.width, self.height, (MARGIN_X, MARGIN_Y))
        layout = Layout(0.35 * self.height, 0.55 * self.height)
        weather = verbs.draw_weather(rng, PHOTO) if rng.random() < SAYS_WEATHER else None
        said = verbs.say_weather(rng, weather, PHOTO) if weather else ""
        plan = _Plan(PHOTO, picture, layout, weather, said, [], SpriteBook.of({}))
        for number in range(int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))):
            size = float(np.exp(rng.uniform(*np.log(CUT_OUT_SIZES))))
            spot = np.array([rng.uniform(0.15, 0.85) * self.width, rng.uniform(0.2, 0.85) * self.height])
            if all(np.linalg.norm(spot - other.start) > (size + other.size) / 2 for other in plan.actors):
                name = f"piece {number}"
                plan.book.levels[name] = photos.sprite(rng)
                plan.actors.append(_Actor(name, "cut-out", None, size, spot))
        plan.actors.sort(key=lambda actor: float(actor.start[1]))
        return plan

    def _place(self, plan: _Plan) -> Place:
        if plan.scene == PHOTO:
            return Place(self.width, self.height, None, None)
        return Place(
            self.width, self.height, plan.layout.ground, plan.layout.water, plan.scene == "under water"
        )

    def _move(self, rng: Rng, plan: _Plan, actor: _Actor, camera: Array) -> Base:
        mover = Mover(rng, actor.kind, actor.doing, actor.size, self._place(plan))
        held = holds(rng, len(camera) // CHUNK, TOUCHED if actor.doing is None else 0.5 * TOUCHED)
        rolled = actor.kind in ROLLING and rng.random() < ROLLED
        angle = rng.uniform(-np.pi, np.pi) if rolled else 0.0
        return move(rng, mover, actor.start, angle, held, camera)


def _in_pixels(layout: Layout, width: int, height: int) -> Layout:
    """A layout in world pixels, of a scene painted at this size."""

    def row(y: float) -> float:
        return y * height - MARGIN_Y

    water = (row(layout.water[0]), row(layout.water[1])) if layout.water else None
    sun = (
        (layout.sun[0] * width - MARGIN_X, row(layout.sun[1]), layout.sun[2] * height) if layout.sun else None
    )
    return Layout(row(layout.horizon), row(layout.ground), water, sun)


def _wind(rng: Rng, weather: Weather | None) -> float:
    if weather and weather.kind == "wind":
        return float(rng.choice([-1, 1]) * {"light": 1.0, "": 1.6, "heavy": 2.4}[weather.strength])
    return float(rng.normal(0, 0.5))


def _thing(actor: _Actor, one: rigid.Rigid, base: Base) -> LivingThing:
    pose = np.concatenate([base.frame[1:], one.size[:, None], (one.angle + one.turned)[:, None]], 1)
    return LivingThing(actor.name, actor.kind, actor.doing, pose, np.repeat(base.held, CHUNK))


def _by_owner(owner: Tensor, values: Array) -> Tensor:
    """`values` [n, F / 4, c] of the things, in the cells that they own: [F / 4, c, h, w] float32, 0 elsewhere."""
    result = torch.zeros(len(owner), values.shape[2], *owner.shape[1:])
    for rank, value in enumerate(values):
        mine = (owner == rank)[:, None]
        result = torch.where(mine, torch.from_numpy(value.astype(np.float32))[:, :, None, None], result)
    return result


def _truth(things: Tensor, ground: Tensor, flow: Tensor, alive: Alive, left: traces.Traces) -> Tensor:
    """The frames [F, 3, H, W] uint8: the bent reference, and shadows, spots and light where they belong."""
    below = warp(ground.float() / 255, torch.from_numpy(alive.flow), "border")
    below *= 1 - torch.from_numpy(left.shade)[:, None]
    if np.any(alive.glow):
        glow = torch.from_numpy(alive.glow.astype(np.float32))[:, None]
        below += torch.nn.functional.interpolate(glow, below.shape[2:], mode="bilinear", align_corners=False)
    for veil in (*alive.behind, *left.behind):
        _cover(below, veil)
    frames = over(warp(things.float() / 255, flow), below)
    for veil in (*left.before, *alive.before):
        _cover(frames, veil)
    return frames.mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def _cover(frames: Tensor, veil: Veil) -> None:
    opacity = torch.from_numpy(veil.opacity)[:, None]
    frames.lerp_(torch.tensor(veil.colour)[None, :, None, None].expand_as(frames), opacity)
