"""Views of meshes as pictures with exact opacity: rays, one sun, a sky, and what shuts them off."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from flowbrush.training.furniture.light import Light, exposed
from flowbrush.training.furniture.surface import Surface, Surfaces
from flowbrush.training.furniture.wavefront import Floats, Mesh, unit

FINE = 2  # rays per pixel and axis
MARGIN = 1.04  # of the square around a thing
SEEN = 0.01  # share of a ray from which on it counts
LAYERS = 6  # surfaces one behind the other that a ray may meet where they let light through
SKY_RAYS = 2  # per ray that meets something
GOLDEN = 0.618034  # multiples of it lie evenly in 0..1
Rng = np.random.Generator


class MissingTracer(RuntimeError):
    """The library that follows rays is not installed."""


def tracer() -> tuple[ModuleType, ModuleType]:
    """The parts of embreex that are used. Raises MissingTracer."""
    try:
        return import_module("embreex.rtcore_scene"), import_module("embreex.mesh_construction")
    except ImportError as error:
        raise MissingTracer(
            "views of meshes need the library embreex, which is not installed; `pip install 'flowbrush[train]'`"
        ) from error


@dataclass(frozen=True)
class Hits:
    """Which rays met something [m], the triangle [m], weights of its second and third corner [m], and the distance [m]."""

    ray: NDArray[np.int64]
    triangle: NDArray[np.int32]
    second: Floats
    third: Floats
    distance: Floats


class Stage:
    """A mesh, ready to be looked at: with its middle, its radius, and what rays meet."""

    def __init__(self, mesh: Mesh) -> None:
        self.surfaces = Surfaces(mesh)
        self.corners = np.ascontiguousarray(mesh.corners, np.float32)
        self.middle = (self.corners.min((0, 1)) + self.corners.max((0, 1))) / 2
        self.radius = float(np.sqrt(((self.corners - self.middle) ** 2).sum(-1)).max())
        self.whole = self._scene(self.corners)
        self.shading = self._scene(self.corners[self.surfaces.casts_shadow(mesh)])

    def _scene(self, corners: Floats) -> Any:
        scenes, meshes = tracer()
        scene = scenes.EmbreeScene()
        if len(corners):
            meshes.TriangleMesh(scene, np.ascontiguousarray(corners))
        return scene

    def meet(self, origins: Floats, ways: Floats) -> Hits:
        out = self.whole.run(origins, ways, query="INTERSECT", output=True)
        ray = np.flatnonzero(out["primID"] >= 0)
        return Hits(ray, out["primID"][ray], out["u"][ray], out["v"][ray], out["tfar"][ray])

    def free(self, origins: Floats, ways: Floats) -> NDArray[np.bool_]:
        """Which rays leave without meeting anything that casts a shadow."""
        return np.asarray(self.shading.run(origins, ways, query="OCCLUDED")) < 0


def view(stage: Stage, rng: Rng, side: int) -> Image.Image:
    """A picture [RGBA] of `side` × `side` pixels from anywhere around, in any light; the thing fills it."""
    eye, ways = camera(stage, rng, side * FINE)
    scene = _Scene(stage, Light.drawn(rng, eye - stage.middle), rng, _strewn(rng, side))
    colour, opacity = _traced(scene, eye, ways)
    fine = np.concatenate([colour, opacity[:, None]], axis=1).reshape(side, FINE, side, FINE, 4)
    return _picture(fine.mean(axis=(1, 3)))


def camera(stage: Stage, rng: Rng, count: int) -> tuple[Floats, Floats]:
    """The eye [3] and the ways [count², 3] of the rays through a square that just holds the thing."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(-5, 50))
    level = np.cos(elevation)
    back = np.array([level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)], np.float32)
    right = unit(np.cross(np.array([0, 1, 0], np.float32), back))
    axes = np.stack([right, np.cross(back, right), back]).astype(np.float32)
    half_angle = np.radians(rng.uniform(9, 24))
    eye = (stage.middle + back * stage.radius / np.sin(half_angle)).astype(np.float32)
    seen = (stage.corners.reshape(-1, 3) - eye) @ axes.T
    flat = seen[:, :2] / -seen[:, 2:]
    low, high = flat.min(0), flat.max(0)
    half = float((high - low).max()) / 2 * MARGIN
    steps = ((np.arange(count) + 0.5) / count * 2 - 1) * half
    x, y = np.meshgrid((low + high)[0] / 2 + steps, (low + high)[1] / 2 - steps)
    ways = np.stack([x.ravel(), y.ravel(), -np.ones(x.size)], axis=1).astype(np.float32) @ axes
    return eye, unit(ways)


@dataclass(frozen=True)
class _Scene:
    """A thing in a light, the chance of its picture, and points for the ways of each ray's light (see `_strewn`)."""

    stage: Stage
    light: Light
    rng: Rng
    strewn: Floats


def _traced(scene: _Scene, eye: Floats, ways: Floats) -> tuple[Floats, Floats]:
    """Premultiplied linear light [n, 3] and opacity [n] of rays, through as many layers as let light pass."""
    colour, clear = np.zeros((len(ways), 3), np.float32), np.ones(len(ways), np.float32)
    going, origins = np.arange(len(ways)), np.repeat(eye[None], len(ways), axis=0)
    for _ in range(LAYERS):
        hits = scene.stage.meet(origins, ways[going])
        if not len(hits.ray):
            break
        going = going[hits.ray]
        places = origins[hits.ray] + hits.distance[:, None] * ways[going]
        surface = scene.stage.surfaces.at(hits.triangle, hits.second, hits.third, ways[going])
        share = clear[going] * surface.opacity
        shown = np.flatnonzero(share > SEEN)
        rays = going[shown]
        lit = _lit(scene, surface.picked(shown), places[shown], ways[rays], scene.strewn[rays])
        colour[rays] += share[shown, None] * lit
        clear[going] -= share
        on = clear[going] > SEEN
        going, origins = going[on], places[on] + ways[going[on]] * scene.stage.radius * 1e-4
    return colour, 1 - clear


def _lit(scene: _Scene, surface: Surface, places: Floats, ways: Floats, strewn: Floats) -> Floats:
    """Linear light [m, 3] that comes from places of a surface along `ways`."""
    stage, light = scene.stage, scene.light
    starts = places + surface.side * stage.radius * 1e-3
    sunny = stage.free(starts, light.sun_rays(scene.rng, len(starts)))
    sky, openness = np.zeros_like(starts), np.zeros((len(starts), 1), np.float32)
    for i in range(SKY_RAYS):
        out = _around(strewn[:, i], surface.normal)
        free = stage.free(starts, out)[:, None]
        sky += np.where(free, light.sky(out), light.inside) / SKY_RAYS
        openness += free / np.float32(SKY_RAYS)
    return light.reflected(surface, ways, sunny, sky, openness)


def _strewn(rng: Rng, side: int) -> Floats:
    """Points of a square [(side × FINE)², SKY_RAYS, 2] for the ways of rays: those of a pixel lie evenly and are moved by chance as
    one, so that few of them do for many."""
    count = FINE * FINE * SKY_RAYS
    even = np.stack([(np.arange(count) + 0.5) / count, np.arange(count) * GOLDEN], axis=1)
    moved = even.reshape(1, FINE, 1, FINE, SKY_RAYS, 2) + rng.random((side, 1, side, 1, 1, 2))
    return (moved % 1).reshape(-1, SKY_RAYS, 2).astype(np.float32)


def _around(points: Floats, normal: Floats) -> Floats:
    """Ways [m, 3] out of a surface by points of a square [m, 2], as dense as the light that comes from there counts."""
    height, angle = 1 - 2 * points[:, :1], 2 * np.pi * points[:, 1:]
    level = np.sqrt(1 - height**2)
    ball = np.concatenate([level * np.cos(angle), height, level * np.sin(angle)], axis=1)
    return unit(normal * 1.001 + ball)


def _picture(pixels: Floats) -> Image.Image:
    """sRGB and opacity from premultiplied linear light [h, w, 4]. Around the thing its nearest colours go on, for what is packed
    with losses bleeds."""
    colour, opacity = pixels[..., :3], pixels[..., 3:]
    plain = exposed((colour / np.maximum(opacity, 1e-4)).astype(np.float32, copy=False))
    alpha = np.round(opacity * 255).astype(np.uint8)
    levels = np.round(np.concatenate([plain * opacity, opacity], axis=2) * 255).astype(np.uint8)
    filled = plain * 255
    known = opacity > 0.02
    for radius in (2, 8, 32, 128):
        wide = np.asarray(Image.fromarray(levels, "RGBA").filter(ImageFilter.BoxBlur(radius)), np.float32)
        there = wide[..., 3:] >= 8
        filled = np.where(~known & there, wide[..., :3] / np.maximum(wide[..., 3:], 1) * 255, filled)
        known = known | there
    colours = np.clip(np.round(filled), 0, 255).astype(np.uint8)
    return Image.fromarray(np.concatenate([colours, alpha], axis=2), "RGBA")
