"""The student's motion as it is shown: of one piece with the ways that poses gain, and with the latent frame before.

Flows are backward (`flowbrush.models.motion_latent`), on the latent grid, in pixels. All is of N latent frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.codecs.deblock import deblocked
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_channels import FRAMES
from flowbrush.pipelines.reference.maps import STRIDE, carried

# Of the world that students learn from, too: how soon a thing's own flow ends outside of it, how much more of it counts than of the
# one behind it, and how far out, in halves of its size, nothing's does.
NEAR, RANK, FAR = 1.5, 3.0, 2.0


@dataclass(frozen=True)
class Bends:
    """`things` and `ground` [N, F, 2, h, w]: flows of layers as if they went nowhere by themselves; `light` [N, F, 3, H, W] what
    is added to the picture, of 1. F is FRAMES, or 1 for the last one alone.
    """

    things: Tensor
    ground: Tensor
    light: Tensor


def lit(codec: PocketCodec, light: Tensor, first: int = 0) -> Tensor:
    """Latents of light [N, L, h, w] → what it adds to the pictures, from frame `first` on: [N, FRAMES - first, 3, H, W]."""
    frames = codec.decode_linear(light[:, :, None]).transpose(1, 2)[:, first:]
    made: Tensor = deblocked(frames.flatten(0, 1), codec.spec.stride).unflatten(0, frames.shape[:2])
    return made


@dataclass(frozen=True)
class Bases:
    """Of L things in a latent frame, from back to front: `middles` [L, 2] and `sizes` [L] in pixels, as its reference has them, and
    what each was said to gain, `said` [L, 3]: pixels, pixels and radians about its middle.
    """

    middles: np.ndarray
    sizes: np.ndarray
    said: np.ndarray


def going(bases: Bases, gains: np.ndarray, whose: Tensor) -> Tensor:
    """Flows [FRAMES, 2, h, w] of things that go evenly to where `gains` [L, 3] take them by the end of the latent frame; `whose`
    [L, h, w] as of `shares`.
    """
    x, y = _cells(whose.shape[1], whose.shape[2])
    part = (torch.arange(FRAMES) + 1).view(-1, 1, 1) / FRAMES
    flows = torch.zeros(FRAMES, 2, *whose.shape[1:])
    for (cx, cy), (dx, dy, turn), share in zip(bases.middles.tolist(), gains.tolist(), whose, strict=True):
        if not (dx or dy or turn):
            continue
        u, v = x - cx - part * dx, y - cy - part * dy  # [FRAMES, h, w], from where the middle is by then
        cos, sin = torch.cos(part * turn), torch.sin(part * turn)
        back = torch.stack([cos * u + sin * v + (cx - x), cos * v - sin * u + (cy - y)], 1)
        flows.addcmul_(back, share)
    return flows


def shares(bases: Bases, grid: tuple[int, int]) -> Tensor:
    """How much of each thing's own flow there is in the cells of a grid: [L, h, w], at most 1 together. All its way has its flow,
    or it would be seen twice.
    """
    x, y = _cells(*grid)
    near = torch.full((len(bases.sizes) + 1, *grid), -NEAR * FAR**2)  # the last for no thing
    for rank, ((cx, cy), half, (wx, wy, _)) in enumerate(
        zip(bases.middles.tolist(), (bases.sizes / 2).tolist(), bases.said.tolist(), strict=True)
    ):
        u, v, length = x - cx, y - cy, max(wx**2 + wy**2, 1e-6)
        along = ((u * wx + v * wy) / length).clamp(0, 1)
        distance = (u - along * wx).square() + (v - along * wy).square()
        near[rank] = rank * math.log(RANK) - NEAR / half**2 * distance
    return near.softmax(0)[:-1]


def _cells(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """x [w] and y [h, 1] of the middles of cells, in pixels."""
    return (torch.arange(columns) + 0.5) * STRIDE, (torch.arange(rows)[:, None] + 0.5) * STRIDE


def gone_on(bends: Bends, before: Bends, known: Tensor, velocity: Tensor) -> Bends:
    """Bends on from those `before` them (their last frame alone), whose layers hands and camera then move by `velocity`
    [N, FRAMES, 2, h, w]; those alone that had some, `known` [N]. Light goes on where nothing moves: a shadow goes along with who
    throws it.
    """
    known = known.float().view(-1, 1, 1, 1, 1)
    things = continued(bends.things, _brought(before.things, velocity), known)
    ground = continued(bends.ground, _brought(before.ground, velocity), known)
    still = (velocity == 0).all(2).all(1)[:, None].float()  # [N, 1, h, w]
    still = F.interpolate(still, bends.light.shape[-2:])[:, None]
    return Bends(things, ground, continued(bends.light, before.light, known * still))


def continued(parts: Tensor, before: Tensor, where: Tensor) -> Tensor:
    """`parts` [N, FRAMES, …] of a latent frame on from what the frame `before` it had: the same shape, or of 1 frame.

    A student that draws each latent frame anew steps at its beginning. So far as that step is larger than the one after it, it is
    spread evenly over the latent frame, whose last frame stays as it is; only `where` this is 1.
    """
    step = parts[:, :1] - before[:, :1]
    after = parts[:, 1:2] - parts[:, :1]
    seam = (step.abs() - after.abs()).clamp_min_(0).copysign(step) * where
    left = 1 - (torch.arange(parts.shape[1], device=parts.device) + 1) / parts.shape[1]
    return torch.addcmul(parts, seam, left.view(1, -1, *[1] * (parts.dim() - 2)), value=-1)


def _brought(before: Tensor, velocity: Tensor) -> Tensor:
    """Flows `before` [N, 1, 2, h, w] at the layers that have gone by `velocity` in each frame: [N, FRAMES, 2, h, w]."""
    every = before.expand_as(velocity).flatten(0, 1)
    return carried(every, velocity.flatten(0, 1) / STRIDE).view_as(velocity)
