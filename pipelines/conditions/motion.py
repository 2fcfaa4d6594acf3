"""Tracks as tensors, and the motion between them: what drags a student that was not trained to follow tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.device import to_device
from flowbrush.pipelines.conditions.controls import ChunkPlan

SOFTNESS = 6.0  # pixels: tracks nearer together than this move as one, or would tear what is between them; others are their own


@dataclass
class TrackWindow:
    """Tracks of B latent frames, padded to N a row with invisible ones.

    `xy` [B, N, 1 + F, 2] in pixels: where each was in the last frame of the past, then in each of F frames
    (four of them in a latent frame); `visible` [B, N, 1 + F] is False where a track is occluded, outside,
    released or not there.
    """

    xy: Tensor
    visible: Tensor


def track_window(
    plans: Sequence[ChunkPlan], frames: int, size: tuple[int, int], device: torch.device
) -> TrackWindow:
    """The tracks of plans in pixels of a picture of `size` (W, H), padded to equally many."""
    rows, widest = len(plans), max(len(plan.hands) for plan in plans)
    xy = torch.zeros(rows, widest, 1 + frames, 2)
    visible = torch.zeros(rows, widest, 1 + frames, dtype=torch.bool)
    for row, plan in enumerate(plans):
        count = len(plan.hands)
        visible[row, :count] = torch.from_numpy(plan.visible)
        xy[row, :count] = torch.from_numpy(plan.xy) * torch.tensor(size)
    return TrackWindow(to_device(xy, device), to_device(visible, device))


def motion_field(
    window: TrackWindow, rows: int, columns: int, stride: int, reach: float
) -> tuple[Tensor, Tensor]:
    """Motion between the tracks, by inverse distance, where things are now.

    Returns `moved` [B, F, 2, rows, columns]: pixels from the last frame of the past to each of F frames, 0
    where there is no track; and `near` [B, F, rows, columns]: 1 at a track, falling with distance over
    `reach` pixels. Worked out on every second cell.
    """
    device, batch = window.xy.device, len(window.xy)
    step = 2 * stride
    y, x = torch.meshgrid(
        torch.arange(rows // 2, device=device), torch.arange(columns // 2, device=device), indexing="ij"
    )
    cells = (torch.stack([x, y], -1).view(-1, 2) + 0.5) * step  # [cells, 2]
    now, before = window.xy[:, :, 1:], window.xy[:, :, :1]
    known = (window.visible[:, :, 1:] & window.visible[:, :, :1]).float()  # [B, N, F]
    dx = cells[:, 0] - now[..., :1]  # [B, N, F, cells]
    dy = cells[:, 1] - now[..., 1:]
    square = dx.square_().add_(dy.square_())
    near = (
        (torch.exp(square * (-1 / (2 * reach**2))) * known[..., None]).amax(1)
        if known.shape[1]
        else 0 * square.sum(1)
    )
    weight = known[..., None] / square.add_(SOFTNESS**2).pow_(3)
    shift = (now - before) * known[..., None]  # [B, N, F, 2]
    total = weight.permute(0, 2, 3, 1) @ shift.transpose(1, 2)  # [B, F, cells, 2]
    moved = (total / weight.sum(1).clamp_min(1e-12)[..., None]).transpose(2, 3)
    grid = (rows // 2, columns // 2)
    both = torch.cat([moved, near[:, :, None]], 2).flatten(0, 1).unflatten(-1, grid)
    both = F.interpolate(both, (rows, columns), mode="bilinear").unflatten(0, (batch, now.shape[2]))
    return both[:, :, :2], both[:, :, 2]
