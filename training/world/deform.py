"""Shapes as flows: what every thing's bending and drive is on the latent grid, and one field of them all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowbrush.pipelines.animation.bending import FAR, NEAR, RANK
from flowbrush.pipelines.reference.drawing import FARTHEST
from flowbrush.training.world.shapes import Shape

Array = np.ndarray
CELL = 8  # pixels of a latent cell


@dataclass
class Placed:
    """A thing in F frames: where its reference is and where its base is, in the frame. `turned` [F] is what the base has turned
    beyond the reference, `size` [F] pixels.
    """

    reference: Array  # [F, 2]
    base: Array  # [F, 2]
    turned: Array
    size: Array
    shape: Shape


def cells(width: int, height: int) -> tuple[Array, Array]:
    """x [w] and y [h, 1] of the middles of the latent cells, in pixels."""
    return np.arange(width // CELL) * CELL + CELL / 2, (np.arange(height // CELL) * CELL + CELL / 2)[:, None]


def thing_flow(things: list[Placed], frames: int, width: int, height: int) -> Array:
    """The one flow [F, 2, h, w] float32 of all things, the first one the furthest back; 0 far from all of them."""
    x, y = cells(width, height)
    flow = np.zeros((frames, 2, len(y), len(x)))
    total = np.full((frames, len(y), len(x)), np.exp(-NEAR * FAR**2))
    for rank, thing in enumerate(things):
        dx, dy = backward(thing, x, y)
        weight = RANK**rank * np.exp(-NEAR * _distance(thing, x, y))
        flow[:, 0] += weight * dx
        flow[:, 1] += weight * dy
        total += weight
    flow /= total[:, None]
    length = np.linalg.norm(flow, axis=1, keepdims=True)
    made: Array = (flow * np.minimum(1, FARTHEST / np.maximum(length, 1e-6))).astype(np.float32)
    return made


def _distance(thing: Placed, x: Array, y: Array) -> Array:
    """The square of how far (x, y) is from the way between the thing and its reference, in halves of its size: [F, h, w].

    All the way has the thing's own flow, or it would be seen a second time where its reference is.
    """
    shown = thing.base + np.stack([thing.shape.dx, thing.shape.dy], 1)
    way = thing.reference - shown
    length = np.maximum((way**2).sum(1), 1e-6)[:, None, None]
    u, v = x - _at(shown, 0), y - _at(shown, 1)
    along = np.clip((u * _at(way, 0) + v * _at(way, 1)) / length, 0, 1)
    half = thing.size[:, None, None] / 2
    made: Array = ((u - along * _at(way, 0)) / half) ** 2 + ((v - along * _at(way, 1)) / half) ** 2
    return made


def backward(thing: Placed, x: Array, y: Array) -> tuple[Array, Array]:
    """Where the reference shows what the thing shows at (x, y), relative to there: two [F, h, w] in pixels."""
    shape, size = thing.shape, thing.size[:, None, None]
    u = x - _at(thing.base, 0) - _one(shape.dx)
    v = y - _at(thing.base, 1) - _one(shape.dy) - shape.pivot * size
    u, v = _unbent(shape, u, v, size)
    u = u + _one(shape.lean) * v / size
    cos, sin = np.cos(_one(shape.rock)), np.sin(_one(shape.rock))
    u, v = (cos * u + sin * v) / _one(shape.wide), (cos * v - sin * u) / _one(shape.tall)
    v = v + shape.pivot * size
    cos, sin = np.cos(_one(thing.turned)), np.sin(_one(thing.turned))
    u, v = cos * u + sin * v, cos * v - sin * u
    return u + _at(thing.reference, 0) - x, v + _at(thing.reference, 1) - y


def _unbent(shape: Shape, u: Array, v: Array, size: Array) -> tuple[Array, Array]:
    """Takes trail, bend, waves and flaps back. (u, v) are from the pivot."""
    across, up = np.clip(u / size, -0.8, 0.8), np.clip(-v / size, -1.2, 1.2)
    down = shape.pivot - up  # from the middle
    away = ((across - shape.anchor[0]) ** 2 + (down - shape.anchor[1]) ** 2) / 0.5
    trail = np.clip(away, 0, 1.2)
    u = u - _one(shape.lag[:, 0]) * trail - _one(shape.bend) * up * np.abs(up)
    v = v - _one(shape.lag[:, 1]) * trail
    if np.any(shape.flap):
        v = v + _one(shape.flap) * (2 * np.abs(across) - 0.35)
    if np.any(shape.wave):
        along = -down if shape.upright else across
        run = np.sin(2 * np.pi * shape.ripple * along - _one(shape.phase)) * _one(shape.wave)
        if shape.upright:
            u = u - run * np.clip(up, 0, 1)
        else:
            v = v - run
    return u, v


def _one(values: Array) -> Array:
    return values[:, None, None]


def _at(points: Array, axis: int) -> Array:
    return points[:, axis, None, None]
