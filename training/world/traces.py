"""What things do to what is around them: shadows that know the height, footprints that stay, dust, splashes, wakes, firelight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowbrush.training.world import lexicon
from flowbrush.training.world.bodies import FOOT, WEIGHTLESS, Base
from flowbrush.training.world.living_scene import View
from flowbrush.training.world.particles import Flakes, Veil, splat, thrown
from flowbrush.training.world.shapes import Shape

Rng = np.random.Generator
Array = np.ndarray
PRINTS = {"snow": 0.2, "beach": 0.18, "desert": 0.17}  # how dark footprints are
DUST = {"desert": (0.9, 0.76, 0.52), "road": (0.75, 0.73, 0.7), "beach": (0.93, 0.84, 0.65), "snow": (1.0, 1.0, 1.0),
        "meadow": (0.72, 0.8, 0.5)}  # fmt: skip
DROPS = (0.93, 0.98, 1.0)
WALKS = frozenset("walker hopper waddler crawler".split())


@dataclass
class Body:
    """A thing on its path: `size` [F] in frame pixels."""

    kind: str
    base: Base
    shape: Shape
    size: Array


@dataclass
class Traces:
    """`shade` [F, H, W] is what is taken of the ground's light (0..1); spots are `behind` the things and `before` them."""

    shade: Array
    behind: list[Veil]
    before: list[Veil]


def leave(rng: Rng, scene: str, view: View, bodies: list[Body]) -> Traces:
    """All traces of all things."""
    frames = len(view.t)
    traces = Traces(np.zeros((frames, view.height, view.width), np.float32), [], [])
    for body in bodies:
        if scene not in lexicon.SHADOWLESS:
            traces.shade = np.maximum(traces.shade, _shadow(view, body))
        if scene in PRINTS and body.kind != "cut-out":
            traces.shade = np.maximum(traces.shade, PRINTS[scene] * _prints(view, body))
        if scene in DUST:
            _dust(rng, view, body, DUST[scene], traces)
        if view.layout.water and scene != "under water":
            _water(rng, view, body, traces)
        if body.kind in ("flame", "rocket"):
            _fire(rng, view, body, traces)
    return traces


def _foot(view: View, body: Body) -> Array:
    """Where the shadow falls [F, 2] in the frame: below the middle, on the ground that the thing stands or would land on."""
    below = FOOT * body.size + body.base.air
    made: Array = body.base.frame[1:] + np.stack([0.6 * body.shape.dx, below], 1)
    return made


def _height(body: Body) -> Array:
    lifted = np.maximum(0, -body.shape.dy)
    hovering = 0.35 * body.size if _hovers(body) else 0
    made: Array = body.base.air + lifted + hovering
    return made


def _hovers(body: Body) -> bool:
    return body.kind in WEIGHTLESS and body.kind != "cut-out"


def _shadow(view: View, body: Body) -> Array:
    at, height = _foot(view, body), _height(body) / np.maximum(body.size, 1)
    if _hovers(body):
        at = at + np.stack([np.zeros(len(at)), 0.2 * body.size], 1)
    width = 0.36 * body.size * np.exp(-0.5 * height)
    strength = (0.42 if body.kind != "cut-out" else 0.3) * np.exp(-1.1 * height)
    spots = Flakes(at[:, None], width[:, None], strength[:, None])
    return splat(spots, view.width, view.height, (1.0, 0.24))


def _prints(view: View, body: Body) -> Array:
    """Footprints, or the track of what rolls and drives [F, H, W], 0..1: once there, they stay in the world."""
    moved = np.linalg.norm(np.diff(body.base.world, axis=0), axis=1)
    grounded = (body.base.air < 2) & (moved < 14)
    gone = np.cumsum(moved * grounded)
    walks = body.kind in WALKS
    if not walks and body.kind not in ("ball", "round", "vehicle", "soft", "stiff"):
        return np.zeros((len(moved), view.height, view.width), np.float32)
    spacing = 0.3 * float(body.size.mean()) if walks else 5.0
    born = np.flatnonzero(np.diff(np.floor(gone / spacing), prepend=0.0) > 0)
    if not len(born):
        return np.zeros((len(moved), view.height, view.width), np.float32)
    at = body.base.world[1:][born] + np.array([0, FOOT]) * body.size[born, None]
    if walks:
        at = at + np.array([[0, 1.8]]) * np.where(np.arange(len(born)) % 2, 1, -1)[:, None]
    there = (np.arange(len(moved))[:, None] >= born + 1).astype(float)
    radius = np.full(there.shape, 2.6 if walks else 2.3)
    return splat(Flakes(view.shown(at), radius, there), view.width, view.height, (1.3, 0.75))


def _landings(body: Body) -> Array:
    """Frames in which it comes down."""
    air = np.concatenate([[0.0], body.base.air])
    fallen = (air[:-1] > 1.0) & (air[1:] <= 0.5)
    up = np.maximum(0, -body.shape.dy)
    hop = (
        (body.shape.dy.min() < -5)
        & (up[1:-1] <= up[:-2])
        & (up[1:-1] < up[2:])
        & (np.abs(np.diff(up))[:-1] > 0.6)
    )
    return np.flatnonzero(fallen | np.concatenate([[False], hop, [False]]))


def _dust(rng: Rng, view: View, body: Body, colour: tuple[float, float, float], traces: Traces) -> None:
    if body.kind in WEIGHTLESS or body.kind in ("swimmer", "flame", "plant"):
        return
    speed = np.linalg.norm(body.base.step, axis=1)
    running = np.flatnonzero((speed > 2.2) & (body.base.air < 2) & (rng.random(len(speed)) < 0.6))
    born = np.concatenate([np.repeat(running, 2), np.repeat(_landings(body), 5)])
    if len(born):
        at = _foot(view, body)[born] + rng.normal(0, 1, (len(born), 2)) * np.array(
            [0.2 * body.size.mean(), 1.5]
        )
        spots = thrown(rng, len(speed), born, at, 1.1, 0.04, 12, 2.6)
        traces.before.append(Veil(colour, 0.6 * splat(spots, view.width, view.height)))


def _water(rng: Rng, view: View, body: Body, traces: Traces) -> None:
    if body.kind in WEIGHTLESS:
        return
    top, bottom = view.layout.water or (0.0, 0.0)
    foot = body.base.world[1:, 1] + 0.3 * body.size
    wet = (foot > top) & (foot < bottom + 4)
    if not wet.any():
        return
    at = body.base.frame[1:] + np.array([0, 0.38]) * body.size[:, None]
    time = np.arange(len(wet))
    rings = Flakes(
        at[:, None], (0.4 * body.size * (1 + 0.12 * np.sin(0.35 * time)))[:, None], (0.4 * wet)[:, None]
    )
    traces.behind.append(Veil(DROPS, splat(rings, view.width, view.height, (1.0, 0.13))))
    speed = np.linalg.norm(body.base.step, axis=1) + np.abs(np.gradient(body.shape.dy))
    born = np.repeat(np.flatnonzero(wet & (speed > 0.7)), 2)
    if len(born):
        spread = rng.normal(0, 1, (len(born), 2)) * np.array([0.22 * body.size.mean(), 1.0])
        traces.before.append(Veil(DROPS, splat(thrown(rng, len(wet), born, at[born] + spread, 2.0, 0.3, 9, 1.3),
                                               view.width, view.height)))  # fmt: skip
        still = thrown(rng, len(wet), born, at[born] + spread, 0.0, 0.0, 22, 2.0)
        traces.behind.append(Veil(DROPS, 0.7 * splat(still, view.width, view.height, (2.6, 0.5))))


def _fire(rng: Rng, view: View, body: Body, traces: Traces) -> None:
    """Sparks that rise from a fire; a rocket's jet."""
    frames = len(body.size)
    at = body.base.frame[1:] + np.stack([body.shape.dx, body.shape.dy], 1)
    born = np.repeat(np.arange(frames), 3)
    if body.kind == "rocket":
        tail = at[born] + np.array([-0.4, 0.4]) * body.size[born, None] + rng.normal(0, 1.2, (len(born), 2))
        jet = thrown(rng, frames, born, tail, 0.5, 0.12, 7, 3.0)
        traces.behind.append(Veil((1.0, 0.7, 0.25), 0.8 * splat(jet, view.width, view.height)))
        return
    top = at[born] + rng.normal(0, 1, (len(born), 2)) * np.array([0.16, 0.1]) * body.size[born, None]
    sparks = thrown(rng, frames, born, top, 1.8, -0.05, 12, 1.1)
    traces.before.append(Veil((1.0, 0.75, 0.3), splat(sparks, view.width, view.height)))
    glow = Flakes(
        at[:, None], 0.9 * body.size[:, None], (0.25 + 0.1 * np.sin(0.9 * np.arange(frames)))[:, None]
    )
    traces.behind.append(Veil((1.0, 0.6, 0.2), splat(glow, view.width, view.height)))
