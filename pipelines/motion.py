"""Tracks and the past as tensors: from points in pixels to what the student takes beside the noisy latent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.track_encoder import GUIDE_CHANNELS, NEAR, PACKED, write_code
from models.transformer import MotionInput

SOFTNESS = 6.0  # pixels: within this distance of a track the motion is the track's own
STILL = 0.02  # pixels: less motion than this is none
SPEED = 16.0  # pixels a latent frame that count as 1 in the guide


@dataclass
class TrackWindow:
    """Tracks of B latent frames, padded to N a row with invisible ones.

    `xy` [B, N, 1 + PACKED, 2] in pixels: where each was in the last frame of the past, then in each frame of the latent
    frame; `visible` [B, N, 1 + PACKED] is False where a track is occluded, outside, released or not there; `ids` [B, N].
    """

    ids: Tensor
    xy: Tensor
    visible: Tensor

    def to(self, device: torch.device) -> TrackWindow:
        return TrackWindow(self.ids.to(device), self.xy.to(device), self.visible.to(device))


def motion_field(window: TrackWindow, rows: int, columns: int, stride: int) -> tuple[Tensor, Tensor]:
    """Motion between the tracks, by inverse distance, where things are now.

    Returns `moved` [B, PACKED, 2, rows, columns]: pixels from the last frame of the past to each frame, 0 where there is
    no track; and `near` [B, PACKED, rows, columns]: 1 at a track, falling with distance. Worked out on every second cell.
    """
    device, batch = window.xy.device, len(window.xy)
    step = 2 * stride
    y, x = torch.meshgrid(
        torch.arange(rows // 2, device=device), torch.arange(columns // 2, device=device), indexing="ij"
    )
    cells = (torch.stack([x, y], -1).view(-1, 2) + 0.5) * step  # [cells, 2]
    now, before = window.xy[:, :, 1:], window.xy[:, :, :1]
    known = (window.visible[:, :, 1:] & window.visible[:, :, :1]).float()  # [B, N, PACKED]
    dx = cells[:, 0] - now[..., :1]  # [B, N, PACKED, cells]
    dy = cells[:, 1] - now[..., 1:]
    square = dx.square_().add_(dy.square_())
    near = (torch.exp(square * (-1 / (2 * NEAR**2))) * known[..., None]).amax(1) if known.shape[1] else 0 * square.sum(1)
    weight = known[..., None] / square.add_(SOFTNESS**2).square_()
    shift = (now - before) * known[..., None]  # [B, N, PACKED, 2]
    total = weight.permute(0, 2, 3, 1) @ shift.transpose(1, 2)  # [B, PACKED, cells, 2]
    moved = (total / weight.sum(1).clamp_min(1e-12)[..., None]).transpose(2, 3)
    grid = (rows // 2, columns // 2)
    both = torch.cat([moved, near[:, :, None]], 2).flatten(0, 1).unflatten(-1, grid)
    both = F.interpolate(both, (rows, columns), mode="bilinear").unflatten(0, (batch, PACKED))
    return both[:, :, :2], both[:, :, 2]


def warp(frame: Tensor, moved: Tensor) -> Tensor:
    """`frame` [B, 3, H, W] carried along `moved` [B, K, 2, rows, columns] (pixels): [B, 3, K, H, W]."""
    batch, _, height, width = frame.shape
    count = moved.shape[1]
    half = torch.tensor([2 / width, 2 / height], device=frame.device).view(1, 2, 1, 1)
    field = F.interpolate(moved.flatten(0, 1) * half, (height, width), mode="bilinear")  # [B K, 2, H, W]
    y = (torch.arange(height, device=frame.device) + 0.5) * (2 / height) - 1
    x = (torch.arange(width, device=frame.device) + 0.5) * (2 / width) - 1
    source = torch.stack(torch.meshgrid(x, y, indexing="xy")) - field
    grid = source.permute(0, 2, 3, 1)
    repeated = frame[:, None].expand(-1, count, -1, -1, -1).flatten(0, 1)
    out = F.grid_sample(repeated, grid, "bilinear", "border", align_corners=False)
    return out.unflatten(0, (batch, count)).transpose(1, 2)


def past_latents(codec: PocketCodec, last: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
    """The last frame of latent frames `last` [B, C, h, w] as it was and carried along `moved`: [B, C, 1, h, w] each."""
    frame = codec.end_frame(last.float())
    plain = codec.still(frame)[:, :, None]
    followed = plain.clone()
    moving = moved.abs().flatten(1).amax(1) > STILL
    if moving.any():
        followed[moving] = codec.analyse(warp(frame[moving], moved[moving]))
    return plain, followed


def motion_input(codec: PocketCodec, window: TrackWindow, last: Tensor | None, id_dim: int, rows: int, columns: int,
                 has_past: Tensor | None = None) -> MotionInput:  # fmt: skip
    """Conditions of B single latent frames, each [B, channels, 1, rows, columns], in fp32.

    `last` [B, C, rows, columns] is the last latent frame of the past, None at the start of a stream; `has_past` [B] marks
    the rows that have one (all where it is None).
    """
    stride = codec.spec.stride
    moved, near = motion_field(window, rows, columns, stride)  # [B, PACKED, (2,) rows, columns]
    code = write_code(window.xy[:, :, 1:], window.visible[:, :, 1:], window.ids, id_dim, stride, rows, columns)
    batch = len(window.xy)
    guide = torch.zeros(batch, GUIDE_CHANNELS, rows, columns, device=window.xy.device)
    for slot, frame in enumerate((PACKED // 2 - 1, PACKED - 1)):
        guide[:, 3 * slot] = near[:, frame]
        guide[:, 3 * slot + 1 : 3 * slot + 3] = moved[:, frame] / SPEED
    guide[:, 7] = window.visible[:, :, 1:].flatten(1).any(1).float().view(-1, 1, 1)
    if last is None:
        nothing = torch.zeros(batch, codec.spec.channels, 1, rows, columns, device=window.xy.device)
        return MotionInput(code[:, :, None], guide[:, :, None], nothing, nothing.clone())
    plain, followed = past_latents(codec, last, moved)
    past = torch.ones(batch, device=last.device) if has_past is None else has_past.float()
    guide[:, 6] = past.view(-1, 1, 1)
    mask = past.view(-1, 1, 1, 1, 1)
    return MotionInput(code[:, :, None], guide[:, :, None], plain * mask, followed * mask)
