"""Crude cut-and-drag: what stands out near a point is a thing; it is taken out, and its place closed from around it.

The kind of animation that Time-to-Move (arXiv 2511.08633) starts from.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from models.track_encoder import NEAR

STANDS_OUT = (
    0.10,
    0.25,
)  # of the range of -1..1: difference from the surroundings that begins to be, and is, a thing
SQUARE = 4  # pixels: edge of the squares on which places are closed
ACROSS, WIDE, UP = (
    10.0,
    30.0,
    0.8,
)  # squares: how far surroundings reach across, for what is usual, and up and down
UNLIKE = 0.3  # of the range of -1..1: what differs this much from what is usual in its row counts little
DISC = (46.0, 62.0)  # pixels around a track that are carried along with it, wholly and at all


def cut_and_drag(frame: Tensor, moved: Tensor, near: Tensor, left: Tensor) -> Tensor:
    """`frame` [B, 3, H, W] with what moving tracks touch carried along: [B, 3, K, H, W].

    What stands out where they were (`left` [B, h, w]) is cut out, carried along `moved` [B, K, 2, h, w] to where they are (`near`
    [B, K, h, w]), and the place is closed.
    """
    count = moved.shape[1]
    disc = disc_of(left, frame)[:, None]  # [B, 1, H, W]
    ground, known = close(frame, disc)
    thing = stands_out(frame, ground, known)
    ground = frame + (ground - frame) * (disc * thing * known)
    carried = warp(torch.cat([frame, thing], 1), moved)  # [B, 4, K, H, W]
    here = disc_of(near.flatten(0, 1), frame).unflatten(0, (-1, count))[:, None]  # [B, 1, K, H, W]
    return ground[:, :, None] + (carried[:, :3] - ground[:, :, None]) * (here * carried[:, 3:])


def stands_out(frame: Tensor, ground: Tensor, known: Tensor) -> Tensor:
    """How much each pixel of `frame` [B, 3, H, W] belongs to a thing [B, 1, H, W], 0..1: what differs from the `ground`; where
    no ground is known, everything.
    """
    difference = (frame - ground).abs().amax(1, keepdim=True)
    thing = ((difference - STANDS_OUT[0]) / (STANDS_OUT[1] - STANDS_OUT[0])).clamp(0, 1)
    return 1 - (1 - F.max_pool2d(thing, 5, 1, 2)) * known


def disc_of(nearness: Tensor, frame: Tensor) -> Tensor:
    """A soft disc around tracks at the size of `frame`, from how near they are [B, h, w]: 1 within DISC[0] pixels, 0 beyond
    DISC[1]. [B, H, W]
    """
    inner, outer = (math.exp(-(radius**2) / (2 * NEAR**2)) for radius in DISC)
    full = F.interpolate(nearness[:, None], frame.shape[-2:], mode="bilinear")[:, 0]
    return ((full - outer) / (inner - outer)).clamp(0, 1)


def warp(frame: Tensor, moved: Tensor) -> Tensor:
    """`frame` [B, C, H, W] carried along `moved` [B, K, 2, rows, columns] (pixels): [B, C, K, H, W]."""
    batch, _, height, width = frame.shape
    count = moved.shape[1]
    half = torch.tensor([2 / width, 2 / height], device=frame.device).view(1, 2, 1, 1)
    field = F.interpolate(moved.flatten(0, 1) * half, (height, width), mode="bilinear")  # [B K, 2, H, W]
    y = (torch.arange(height, device=frame.device) + 0.5) * (2 / height) - 1
    x = (torch.arange(width, device=frame.device) + 0.5) * (2 / width) - 1
    source = torch.stack(torch.meshgrid(x, y, indexing="xy")) - field
    grid = source.permute(0, 2, 3, 1)
    repeated = frame[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
    out = F.grid_sample(repeated, grid, "bicubic", "border", align_corners=False)
    return out.unflatten(0, (batch, count)).transpose(1, 2)


def close(frame: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """What surrounds the holes [B, 1, H, W] of `frame` [B, 3, H, W] spread into them, further across than up
    and down. What differs much from its row counts little: things that stand beside a hole do not run into it.

    Returns the ground [B, 3, H, W] and how well it is known [B, 1, H, W], 0..1.
    """
    small, keep = F.avg_pool2d(frame, SQUARE), 1 - F.avg_pool2d(hole, SQUARE)
    wide = _spread(small, keep, WIDE)
    usual = wide[:, :3] / wide[:, 3:].clamp_min(1e-5)
    alike = torch.exp(-(((small - usual) / UNLIKE) ** 2).sum(1, keepdim=True))
    near = _spread(small, keep * (alike + 0.02), ACROSS)
    known = (_spread(small, keep, ACROSS)[:, 3:] * 20 - 0.5).clamp(0, 1)
    both = torch.cat([near[:, :3] / near[:, 3:].clamp_min(1e-5), known], 1)
    both = F.interpolate(both, frame.shape[-2:], mode="bilinear")
    return both[:, :3], both[:, 3:]


def _spread(x: Tensor, weight: Tensor, across: float) -> Tensor:
    """Sums [B, 4, h, w] of `x` [B, 3, h, w] × `weight` [B, 1, h, w], and of the weight, over what lies around."""
    out = torch.cat([x * weight, weight], 1)
    for axis, deviation in ((3, across), (2, UP)):
        reach = int(3 * deviation + 1)
        line = torch.exp(-((torch.arange(-reach, reach + 1, device=x.device) / deviation) ** 2) / 2)
        kernel = (line / line.sum()).view([1, 1, *((-1, 1) if axis == 2 else (1, -1))]).expand(4, 1, -1, -1)
        out = F.conv2d(out, kernel, padding=(reach, 0) if axis == 2 else (0, reach), groups=4)
    return out
