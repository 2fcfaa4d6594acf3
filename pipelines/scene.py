"""The scene under a moving camera: points of the scene say how the whole picture moves, turns and grows."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

STILL = 0.02  # pixels: less motion than this is none
TOGETHER = 4.0  # pixels: points that are further off do not move as one scene
SEVERAL = 4  # hands that hold nothing, from which on they are taken to move the scene


def scene_moves(groups: Tensor, xy: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """The similarity that takes points of the scene (`groups` [B, N] below 0) from the first to each of the F later places.

    `xy` [B, N, 1 + F, 2] in pixels, `visible` [B, N, 1 + F]. Returns [B, F, 4] with (a, b, x, y), so that a point p, as a complex
    number, goes to (a + bi) p + (x + yi), fitted by least squares; and [B] whether the scene moves, and moves as a whole.
    """
    weight = ((groups < 0) & visible.all(2)).float()[:, :, None]  # [B, N, 1]
    total = weight.sum(1, keepdim=True).clamp_min(1)  # [B, 1, 1]
    then, now = xy[:, :, :1], xy[:, :, 1:]  # [B, N, 1, 2], [B, N, F, 2]
    middle, here = ((x * weight[..., None]).sum(1, keepdim=True) / total[..., None] for x in (then, now))
    p, q = then - middle, now - here
    spread = (p.square().sum(-1) * weight).sum(1) + 1.0  # [B, 1]; one point alone neither turns nor grows
    a = (((p * q).sum(-1) * weight).sum(1) + 1.0) / spread  # [B, F]
    b = ((p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]) * weight).sum(1) / spread
    mx, my = middle[:, 0, :, 0], middle[:, 0, :, 1]  # [B, 1]
    x, y = here[:, 0, :, 0] - (a * mx - b * my), here[:, 0, :, 1] - (b * mx + a * my)
    if not xy.shape[1]:
        return torch.stack([a, b, x, y], -1), torch.zeros(len(xy), dtype=torch.bool, device=xy.device)
    wide, high = a[:, None], b[:, None]
    turned = torch.stack([p[..., 0] * wide - p[..., 1] * high, p[..., 0] * high + p[..., 1] * wide], -1)
    off = ((turned - q).norm(dim=-1) * weight).flatten(1).amax(1)
    far = ((now - then).abs().amax(-1) * weight).flatten(1).amax(1)
    return torch.stack([a, b, x, y], -1), (far > STILL) & (off < TOGETHER)


def of_the_scene(groups: Tensor, visible: Tensor, held: Collection[int]) -> Tensor:
    """`groups` [N] of one stream, with hands that hold nothing counted as points of the scene (-1) where there are several: who
    moves a grid of points over the ground moves the ground.
    """
    empty = (groups >= 0) & visible.all(1)
    for group in held:
        empty &= groups != group
    return groups.masked_fill(empty, -1) if int(empty.sum()) >= SEVERAL else groups


def carry(frame: Tensor, moves: Tensor) -> Tensor:
    """`frame` [B, C, H, W] after each of `moves` [B, F, 4]: [B, C, F, H, W]. What comes in at the edges repeats them."""
    height, width = frame.shape[-2:]
    y = torch.arange(height, device=frame.device) + 0.5
    x = torch.arange(width, device=frame.device) + 0.5
    a, b, shift_x, shift_y = (part[..., None, None] for part in moves.unbind(-1))  # [B, F, 1, 1]
    dx, dy, square = x[None] - shift_x, y[:, None] - shift_y, a * a + b * b
    source = torch.stack(
        [(a * dx + b * dy) * (2 / width), (a * dy - b * dx) * (2 / height)], -1
    )  # [B, F, H, W, 2]
    grid = source / square[..., None] - 1
    count = moves.shape[1]
    repeated = frame[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
    out = F.grid_sample(repeated, grid.flatten(0, 1), "bicubic", "border", align_corners=False)
    return out.unflatten(0, (-1, count)).transpose(1, 2)
