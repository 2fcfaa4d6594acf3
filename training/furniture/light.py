"""Light: a sun, a sky above a ground, and what surfaces make of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flowbrush.training.furniture.surface import Surface
from flowbrush.training.furniture.wavefront import Floats, dot, unit

WARM = np.array([1.0, 0.86, 0.68], np.float32)
COLD = np.array([0.72, 0.86, 1.0], np.float32)
SOFT = (0.01, 0.15)  # spread of the sun's rays: a clear day to a large window
GLANCING = 0.04  # share of light that every glossy surface throws back straight on
Rng = np.random.Generator


@dataclass(frozen=True)
class Light:
    """Where the sun is [3] and how its rays spread, and linear colours [3] of the sun, the zenith, the horizon, the ground, and
    of what comes from other parts of the thing."""

    sun: Floats
    spread: float
    sunlight: Floats
    zenith: Floats
    horizon: Floats
    ground: Floats
    inside: Floats

    @classmethod
    def drawn(cls, rng: Rng, eye: Floats) -> Light:
        """Any light in which one can see a thing from `eye` [3]."""
        azimuth = np.arctan2(eye[0], eye[2]) + rng.uniform(-2.2, 2.2)
        height = np.radians(rng.uniform(20, 75))
        level = np.cos(height)
        sun = np.array([level * np.sin(azimuth), np.sin(height), level * np.cos(azimuth)], np.float32)
        bright = float(rng.uniform(0.75, 1.3))
        sunny = float(rng.uniform(0.2, 0.75))
        warmth = float(rng.uniform(0, 1))
        sunlight = (1 - warmth + warmth * WARM) * sunny * bright * 1.5
        air = (1 - warmth + warmth * COLD) * (1 - sunny) * bright
        ground = rng.uniform(0.15, 0.6) * np.array([1.0, *rng.uniform(0.75, 1.05, 2)], np.float32)
        return cls(
            sun,
            float(np.exp(rng.uniform(*np.log(SOFT)))),
            sunlight.astype(np.float32),
            (air * 1.2).astype(np.float32),
            air.astype(np.float32),
            (ground * (air + 0.3 * sunlight)).astype(np.float32),
            (0.25 * air).astype(np.float32),
        )

    def sun_rays(self, rng: Rng, count: int) -> Floats:
        """Ways [count, 3] to points of the sun."""
        return unit(self.sun + self.spread * rng.standard_normal((count, 3), dtype=np.float32))

    def sky(self, ways: Floats) -> Floats:
        """What comes from the surroundings along ways [m, 3]."""
        up = ways[:, 1:2]
        high = self.horizon + (self.zenith - self.horizon) * np.maximum(up, 0)
        made: Floats = high + (self.ground - high) * np.clip(0.5 - 6 * up, 0, 1)
        return made

    def reflected(
        self, surface: Surface, ways: Floats, sunny: NDArray[np.bool_], sky: Floats, openness: Floats
    ) -> Floats:
        """Light [m, 3] that goes back along `ways`: scattered, and mirrored at what is glossy. `sky` [m, 3] is what comes from all
        around, `openness` [m, 1] the share of ways out that nothing shuts."""
        normal = surface.normal
        facing = np.maximum(normal @ self.sun, 0)[:, None] * sunny[:, None]
        scattered = surface.colour * (self.sunlight * facing + sky)
        along = dot(ways, normal)
        mirrored = ways - 2 * along * normal
        cosine = np.clip(-along, 0, 1)
        share = surface.gloss * (GLANCING + (1 - GLANCING) * (1 - cosine) ** 5)
        metal = surface.gloss * np.clip(surface.gloss - surface.colour, 0, 1)
        mirror = self.sky(mirrored) * openness  # what stands between this point and the sky is rather dark
        half = unit(self.sun - ways)
        shine = surface.shine[:, None]
        sharp = np.maximum(dot(normal, half), 0) ** shine * (shine + 8) / 25
        highlight = np.minimum(sharp, 12) * self.sunlight * facing
        made: Floats = scattered + (share + 0.7 * metal) * (mirror + highlight)
        return made


def exposed(light: Floats) -> Floats:
    """sRGB in 0..1 of linear light; what is brighter than white ends softly, as on a photo."""
    soft = 1 - np.exp(-1.5 * np.maximum(light, 0))
    return np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * soft ** (1 / 2.4) - 0.055).astype(np.float32)
