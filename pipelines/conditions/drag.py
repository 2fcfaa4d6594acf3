"""Dragging without training, for any student: what the hand holds starts from the last picture, moved along the path.

A student that knows its past by attention alone (Wan) gets a reference for the chunk: the last clean latent frame warped
along the tracks. Near a track every denoising step but the last starts from that reference, elsewhere from noise alone; so
what is free is the student's own, and its last step mends seams. (Two clocks of noise, as in Time-to-Move; no optimisation.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.pipelines.conditions.motion import TrackWindow, motion_field

# How far a track's nearness reaches, of the frame's width; and the nearness from which on the picture is held wholly, and at all:
# nearer than 0.14 widths and 0.19 widths. So the rim of a thing goes with it, and what stands next to it is free.
RADIUS = 0.0875
HELD = (0.26, 0.086)


@dataclass
class Guide:
    """`reference` [B, C, T, h, w] is what is wanted, `mask` [B, 1, T, h, w] in 0..1 where, `steps` for how many
    denoising steps.
    """

    reference: Tensor
    mask: Tensor
    steps: int


def drag_guide(last: Tensor, window: TrackWindow, stride: int, steps: int) -> Guide:
    """The guide of one chunk from the last clean latent frames [B, C, h, w], warped as they are.

    `window` holds the chunk's tracks in pixels: the last frame of the past, then 4 frames for each latent frame of the
    chunk.
    """
    rows, columns = last.shape[-2:]
    latent_frames = (window.xy.shape[2] - 1) // 4
    moved, near = motion_field(window, rows, columns, stride, RADIUS * columns * stride)  # [B, F, (2,) h, w]
    # A latent frame stands for four frames: it is where the track is at the middle of them.
    moved = moved.unflatten(1, (latent_frames, 4)).mean(2)  # [B, T, 2, h, w]
    near = near.unflatten(1, (latent_frames, 4)).mean(2)
    reference = warp_latents(last, moved / stride)
    mask = ((near - HELD[1]) / (HELD[0] - HELD[1])).clamp(0, 1)
    return Guide(match_statistics(reference, last), mask[:, None], steps)


def mixed(under: Tensor, over: Tensor, mask: Tensor) -> Tensor:
    """`over` where `mask` is 1, `under` where it is 0."""
    return under + mask * (over - under)


def warp_latents(last: Tensor, moved: Tensor) -> Tensor:
    """`last` [B, C, h, w] carried along `moved` [B, T, 2, h, w] (cells, x then y): [B, C, T, h, w]."""
    batch, frames, _, rows, columns = moved.shape
    y, x = torch.meshgrid(
        torch.arange(rows, device=last.device), torch.arange(columns, device=last.device), indexing="ij"
    )
    source = torch.stack([x, y]) - moved.flatten(0, 1)  # [B T, 2, h, w] in cells
    # Sizes as numbers: a tensor of them would be copied to the device, and waited for.
    grid = torch.stack([(source[:, 0] + 0.5) * (2 / columns) - 1, (source[:, 1] + 0.5) * (2 / rows) - 1], -1)
    repeated = last[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
    out = F.grid_sample(repeated, grid, "bilinear", "border", align_corners=False)
    made: Tensor = out.unflatten(0, (batch, frames)).transpose(1, 2)
    return made


def match_statistics(reference: Tensor, last: Tensor) -> Tensor:
    """`reference` [B, C, T, h, w] with each channel's mean and spread of `last` [B, C, h, w].

    Interpolation blurs, and a blurred latent that is fed back a chunk at a time would fade.
    """
    mean, spread = reference.mean((3, 4), keepdim=True), reference.std((3, 4), keepdim=True)
    goal_mean = last.mean((2, 3))[:, :, None, None, None]
    goal_spread = last.std((2, 3))[:, :, None, None, None]
    return (reference - mean) * (goal_spread / spread.clamp_min(1e-6)) + goal_mean
