"""What a mesh looks like at points of its triangles: normals, colours, gloss and opacity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowbrush.training.furniture.wavefront import Floats, Mesh, dot, unit

SHADY = 0.5  # opacity from which on a material casts a shadow
LEVELS = np.arange(256) / 255
LINEAR = np.where(LEVELS <= 0.04045, LEVELS / 12.92, ((LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


@dataclass(frozen=True)
class Surface:
    """Points: normals towards the eye [m, 3] for light and, of the flat face, for where rays start (`side`); linear colour and
    gloss [m, 3]; the highlight's exponent and opacity [m]."""

    normal: Floats
    side: Floats
    colour: Floats
    gloss: Floats
    shine: Floats
    opacity: Floats

    def picked(self, which: NDArray[np.int64]) -> Surface:
        return Surface(
            self.normal[which],
            self.side[which],
            self.colour[which],
            self.gloss[which],
            self.shine[which],
            self.opacity[which],
        )


class Surfaces:
    """The materials of a mesh, as tables."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        parts = mesh.materials
        self.faces = unit(
            np.cross(mesh.corners[:, 1] - mesh.corners[:, 0], mesh.corners[:, 2] - mesh.corners[:, 0])
        )
        tints = np.array([_tint(part.colour, part.texture is not None) for part in parts], np.float32)
        self.tint = linear(tints)
        self.gloss = linear(np.array([part.gloss for part in parts], np.float32))
        self.shine = np.array([min(max(part.shine, 4.0), 400.0) for part in parts], np.float32)
        self.opacity = np.array([part.opacity for part in parts], np.float32)

    def casts_shadow(self, mesh: Mesh) -> NDArray[np.bool_]:
        """Which triangles [n] shut light off. Leaves drawn on clear sheets do not: their sheets are mostly clear."""
        means = [1.0 if p.texture is None else float(p.texture[..., 3].mean()) / 255 for p in mesh.materials]
        return (self.opacity * np.array(means, np.float32) > SHADY)[mesh.material]

    def at(self, triangle: NDArray[np.int32], second: Floats, third: Floats, ways: Floats) -> Surface:
        """The surface at points of triangles [m], seen along `ways` [m, 3]."""
        weights = np.stack([1 - second - third, second, third], axis=1)
        normal = unit(_between(self.mesh.normals[triangle], weights))
        side = self.faces[triangle]
        side = np.where(dot(side, ways) > 0, -side, side)
        normal = np.where(dot(normal, side) < 0, -normal, normal)
        part = self.mesh.material[triangle]
        colour, opacity = self.tint[part], self.opacity[part]
        place = _between(self.mesh.places[triangle], weights)
        for i, material in enumerate(self.mesh.materials):
            here = np.flatnonzero(part == i)
            if material.texture is not None and len(here):
                texels = sampled(material.texture, place[here])
                colour[here] *= linear(texels[:, :3])
                opacity[here] *= texels[:, 3]
        return Surface(normal, side, colour, self.gloss[part], self.shine[part], opacity)


def _between(values: Floats, weights: Floats) -> Floats:
    """Values [m, k] between those of three corners [m, 3, k], by the corners' weights [m, 3]."""
    made: Floats = np.einsum("mck,mc->mk", values, weights)
    return made


def _tint(colour: tuple[float, float, float], textured: bool) -> tuple[float, ...]:
    """A texture stands for the whole colour in most files, whatever grey is given with it: only its hue counts there."""
    most = max(colour)
    if not textured:
        return colour
    return tuple(value / most for value in colour) if most > 0 else (1.0, 1.0, 1.0)


def linear(colour: Floats) -> Floats:
    """Linear light of sRGB colours in 0..1."""
    return LINEAR[np.clip(np.round(colour * 255), 0, 255).astype(np.int64)]


def sampled(texture: NDArray[np.uint8], place: Floats) -> Floats:
    """The colours [m, 4] in 0..1 of a texture that goes on in all directions, between its four nearest texels."""
    height, width = texture.shape[:2]
    place = np.nan_to_num(place)
    x, y = place[:, 0] % 1 * width - 0.5, (1 - place[:, 1] % 1) * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    right_share, low_share = (x - left)[:, None], (y - top)[:, None]
    right, low = (left + 1) % width, (top + 1) % height
    left, top = left % width, top % height
    upper = texture[top, left] * (1 - right_share) + texture[top, right] * right_share
    lower = texture[low, left] * (1 - right_share) + texture[low, right] * right_share
    made: Floats = ((upper * (1 - low_share) + lower * low_share) / 255).astype(np.float32)
    return made
