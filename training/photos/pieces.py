"""Random smooth shapes: they teach what a rim is, apart from what any thing looks like."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from flowbrush.training.photos.draws import Rng, chance, normal, uniform

WAVES = 7  # around a rim
WILD = (0.05, 0.45)  # how far waves go in and out, in radii, evenly in their logarithm
RADIUS = 0.75  # of the shape's square
LIMB = 0.4  # share of the shapes that have a second part
SHARP = (1.0, 3.0)  # pixels over which a rim fades


class Rim:
    """`count` shapes, each a wavy ellipse, some with a limb."""

    def __init__(self, rng: Rng, count: int) -> None:
        self.rng, self.count = rng, count
        turn = uniform(rng, count, 0, 2 * math.pi)
        self.middle = torch.stack([turn.cos(), turn.sin()], -1)[:, None, None] * 0.55
        self.smaller = uniform(rng, count, 0.35, 0.75)
        self.limbs = (chance(rng, count) < LIMB).float()

    def body(self, local: Tensor, edge: Tensor) -> Tensor:
        """Opacity [n, 1, H, W] at `local` [n, H, W, 2] (-1..1 over the shape's square), `edge` [n] pixels large."""
        stretch = uniform(self.rng, self.count, 0.35, 1.0)[:, None, None]
        u, v = local[..., 0], local[..., 1] / stretch
        angle, radius = torch.atan2(v, u), torch.hypot(u, v)
        wild = torch.exp(uniform(self.rng, self.count, math.log(WILD[0]), math.log(WILD[1])))[:, None]
        waves = torch.arange(1, WAVES + 1)
        height = normal(self.rng, self.count * WAVES, 1.0).view(self.count, -1) * wild / waves**0.6
        phase = uniform(self.rng, self.count * WAVES, 0, 2 * math.pi).view(self.count, -1)
        rim = torch.ones_like(angle)
        for k in range(WAVES):
            rim = rim + height[:, k, None, None] * torch.cos((k + 1) * angle + phase[:, k, None, None])
        rim = RADIUS * rim.clamp(0.12, 2.0)
        fade = uniform(self.rng, self.count, *SHARP)[:, None, None]
        return ((rim - radius) * (edge[:, None, None] / 2) * stretch / fade + 0.5).clamp(0, 1)[:, None]

    def limb(self, local: Tensor, edge: Tensor) -> Tensor:
        """Opacity [n, 1, H, W] of the second part, 0 where a shape has none."""
        scale = self.smaller[:, None, None, None]
        return self.body((local - self.middle) / scale, edge * self.smaller) * self.limbs[:, None, None, None]
