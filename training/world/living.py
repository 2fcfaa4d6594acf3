"""The world that lives: things hop, swim and sway over scenes in motion, and all that a student has to say of it is known.

A clip's frames are exactly what the one warp makes of its rigid reference and its flows, and light added to that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowbrush.pipelines.reference.warp import over, warp
from flowbrush.training.world import paths, rigid, traces
from flowbrush.training.world.bodies import CHUNK, ROLLING, Base, Mover, holds, move
from flowbrush.training.world.casting import Actor, Casting, Plan
from flowbrush.training.world.clip import MARGIN_X, MARGIN_Y
from flowbrush.training.world.deform import Placed, thing_flow
from flowbrush.training.world.gaits import live
from flowbrush.training.world.living_scene import Alive, View, enliven
from flowbrush.training.world.particles import Veil
from flowbrush.training.world.photos import Photos
from flowbrush.training.world.verbs import Doing, Weather

Rng = np.random.Generator
Array = np.ndarray
CAMERA = 64  # frames that a camera takes for its way, at least: a short clip has a part of it
HELD_SHARE = 0.55  # share of things that a hand takes at some time
ROLLED = 0.25  # share of rolling things that do not start upright


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
        self.casting = Casting(width, height, core_share)
        self.width, self.height = width, height
        self.photos, self.photo_share = photos, photo_share

    def make(self, rng: Rng, frames: int) -> LivingClip:
        """A new clip. Raises ValueError where `frames` is no whole number of chunks of 4."""
        if frames <= 0 or frames % CHUNK:
            raise ValueError(
                f"{frames} frames: expected a multiple of {CHUNK}, for a clip is made of whole chunks"
            )
        camera = paths.camera(rng, max(frames, CAMERA), self.width, self.height)[:frames]
        of_photos = self.photos is not None and rng.random() < self.photo_share
        plan = (
            self.casting.over_photo(rng, self.photos)
            if self.photos and of_photos
            else self.casting.in_scene(rng)
        )
        bases = [self._move(rng, plan, actor, camera) for actor in plan.actors]
        return self._show(rng, plan, bases, camera)

    def at_rest(self, rng: Rng, name: str, scene: str, frames: int) -> LivingClip:
        """How a thing lives in a scene while nothing is said of what it does, no hand comes and the camera stands still.

        Raises KeyError for a thing without a picture.
        """
        return self._alone(rng, name, scene, frames, lambda: holds(rng, frames // CHUNK, 0.0))

    def dragged(self, rng: Rng, name: str, scene: str, frames: int) -> LivingClip:
        """The same with a hand that has it from the first frame to the last."""
        return self._alone(rng, name, scene, frames, lambda: np.ones(frames // CHUNK, bool))

    def _alone(self, rng: Rng, name: str, scene: str, frames: int, held: Callable[[], Array]) -> LivingClip:
        """One thing of which nothing is said, before a camera that stands still; in chunks that are `held` a hand has it, which is
        drawn last.
        """
        plan, camera = self.casting.at_rest(rng, name, scene), paths.still(frames)
        (actor,) = plan.actors
        mover = Mover(rng, actor.kind, actor.doing, actor.size, self.casting.place(plan))
        return self._show(rng, plan, [move(rng, mover, actor.start, 0.0, held(), camera)], camera)

    def _show(self, rng: Rng, plan: Plan, bases: list[Base], camera: Array) -> LivingClip:
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

    def _move(self, rng: Rng, plan: Plan, actor: Actor, camera: Array) -> Base:
        mover = Mover(rng, actor.kind, actor.doing, actor.size, self.casting.place(plan))
        held = holds(rng, len(camera) // CHUNK, HELD_SHARE if actor.doing is None else 0.5 * HELD_SHARE)
        rolled = actor.kind in ROLLING and rng.random() < ROLLED
        angle = rng.uniform(-np.pi, np.pi) if rolled else 0.0
        return move(rng, mover, actor.start, angle, held, camera)


def _wind(rng: Rng, weather: Weather | None) -> float:
    if weather and weather.kind == "wind":
        return float(rng.choice([-1, 1]) * {"light": 1.0, "": 1.6, "heavy": 2.4}[weather.strength])
    return float(rng.normal(0, 0.5))


def _thing(actor: Actor, one: rigid.Rigid, base: Base) -> LivingThing:
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
