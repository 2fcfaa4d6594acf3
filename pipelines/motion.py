"""Tracks and the past as tensors: from points in pixels to what the student takes beside the noisy latent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.track_encoder import GUIDE_CHANNELS, HAS_PAST, NEAR, PACKED, write_code
from models.transformer import MotionInput

SOFTNESS = 6.0  # pixels: within this distance of a track the motion is the track's own
STANDS_OUT = (
    0.10,
    0.25,
)  # of the range of -1..1: difference from the surroundings that begins to be, and is, a thing
DISC = (46.0, 62.0)  # pixels around a track that are carried along with it, wholly and at all
STILL = 0.02  # pixels: less motion than this is none
LEAVING = 1.0  # pixels a latent frame from which on a track counts as moving
SPEED = 16.0  # pixels a latent frame that count as 1 in the guide


@dataclass
class TrackWindow:
    """Tracks of B latent frames, padded to N a row with invisible ones.

    `xy` [B, N, 1 + F, 2] in pixels: where each was in the last frame of the past, then in each of F frames
    (PACKED of them in a latent frame); `visible` [B, N, 1 + F] is False where a track is occluded, outside,
    released or not there; `ids` [B, N].
    """

    ids: Tensor
    xy: Tensor
    visible: Tensor

    def to(self, device: torch.device) -> TrackWindow:
        return TrackWindow(self.ids.to(device), self.xy.to(device), self.visible.to(device))


def motion_field(
    window: TrackWindow, rows: int, columns: int, stride: int, reach: float = NEAR
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
    dx = cells[:, 0] - now[..., :1]  # [B, N, PACKED, cells]
    dy = cells[:, 1] - now[..., 1:]
    square = dx.square_().add_(dy.square_())
    near = (
        (torch.exp(square * (-1 / (2 * reach**2))) * known[..., None]).amax(1)
        if known.shape[1]
        else 0 * square.sum(1)
    )
    weight = known[..., None] / square.add_(SOFTNESS**2).pow_(3)
    shift = (now - before) * known[..., None]  # [B, N, PACKED, 2]
    total = weight.permute(0, 2, 3, 1) @ shift.transpose(1, 2)  # [B, PACKED, cells, 2]
    moved = (total / weight.sum(1).clamp_min(1e-12)[..., None]).transpose(2, 3)
    grid = (rows // 2, columns // 2)
    both = torch.cat([moved, near[:, :, None]], 2).flatten(0, 1).unflatten(-1, grid)
    both = F.interpolate(both, (rows, columns), mode="bilinear").unflatten(0, (batch, now.shape[2]))
    return both[:, :, :2], both[:, :, 2]


def left_behind(window: TrackWindow, rows: int, columns: int, stride: int) -> Tensor:
    """Where moving tracks were in the last frame of the past, [B, rows, columns] in 0..1: what they uncover
    is there.
    """
    device = window.xy.device
    y = (torch.arange(rows, device=device) + 0.5) * stride
    x = (torch.arange(columns, device=device) + 0.5) * stride
    if not window.xy.shape[1]:
        return torch.zeros(len(window.xy), rows, columns, device=device)
    before, now = window.xy[:, :, 0], window.xy[:, :, -1]
    known = window.visible[:, :, 0] & window.visible[:, :, -1]
    moved = ((now - before).norm(dim=-1) / LEAVING).clamp(max=1) * known  # [B, N]
    across = torch.exp((x - before[..., :1]).square() * (-1 / (2 * NEAR**2)))  # [B, N, columns]
    down = torch.exp((y - before[..., 1:]).square() * (-1 / (2 * NEAR**2)))  # [B, N, rows]
    return (down[..., None] * across[:, :, None] * moved[..., None, None]).amax(1)


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


def past_latents(
    codec: PocketCodec, last: Tensor, moved: Tensor, near: Tensor, left: Tensor
) -> tuple[Tensor, Tensor]:
    """The last frame of latent frames `last` [B, C, h, w] as it was, and as the tracks would have it: [B, C,
    1, h, w] each.

    The second is a crude cut-and-drag animation, the kind that Time-to-Move (arXiv 2511.08633) starts from:
    what stands out near a moving track (`left` [B, h, w], where it was; `near` [B, K, h, w], where it is) is
    cut out, carried along `moved` [B, K, 2, h, w], and the place is closed from what surrounds it. It is a
    proposal: the student takes from it what it likes.
    """
    frame = codec.end_frame(last.float())
    plain = codec.still(frame)[:, :, None]
    followed = plain.clone()
    moving = moved.abs().flatten(1).amax(1) > STILL
    if moving.any():
        followed[moving] = codec.analyse(
            cut_and_drag(frame[moving], moved[moving], near[moving], left[moving])
        )
    return plain, followed


def cut_and_drag(frame: Tensor, moved: Tensor, near: Tensor, left: Tensor) -> Tensor:
    """`frame` [B, 3, H, W] with what the tracks touch carried along: [B, 3, K, H, W]."""
    count = moved.shape[1]
    disc = _disc(left, frame)[:, None]  # [B, 1, H, W]
    ground, known = close(frame, disc)
    # What differs from its surroundings is the thing; where no surroundings are known, all is carried.
    difference = (frame - ground).abs().amax(1, keepdim=True)
    thing = ((difference - STANDS_OUT[0]) / (STANDS_OUT[1] - STANDS_OUT[0])).clamp(0, 1)
    thing = 1 - (1 - F.max_pool2d(thing, 5, 1, 2)) * known  # [B, 1, H, W]
    ground = frame + (ground - frame) * (disc * thing * known)
    carried = warp(torch.cat([frame, thing], 1), moved)  # [B, 4, K, H, W]
    here = _disc(near.flatten(0, 1), frame).unflatten(0, (-1, count))[:, None]  # [B, 1, K, H, W]
    return ground[:, :, None] + (carried[:, :3] - ground[:, :, None]) * (here * carried[:, 3:])


def _disc(nearness: Tensor, frame: Tensor) -> Tensor:
    """A soft disc around tracks at the size of `frame`: 1 within DISC[0] pixels, 0 beyond DISC[1]. [B, H, W]"""
    inner, outer = (math.exp(-(radius**2) / (2 * NEAR**2)) for radius in DISC)
    full = F.interpolate(nearness[:, None], frame.shape[-2:], mode="bilinear")[:, 0]
    return ((full - outer) / (inner - outer)).clamp(0, 1)


def close(frame: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """What surrounds the holes [B, 1, H, W] of `frame` [B, 3, H, W] spread into them, further across than up
    and down.

    Returns the ground [B, 3, H, W] and how well it is known [B, 1, H, W], 0..1.
    """
    small, keep = F.avg_pool2d(frame, 4), 1 - F.avg_pool2d(hole, 4)
    x = torch.cat([small * keep, keep], 1)
    for axis, deviation in ((3, 10.0), (2, 0.8)):  # in squares of 4 pixels; scenes are more alike across
        reach = int(3 * deviation + 1)
        line = torch.exp(-((torch.arange(-reach, reach + 1, device=frame.device) / deviation) ** 2) / 2)
        kernel = (line / line.sum()).view([1, 1, *((-1, 1) if axis == 2 else (1, -1))]).expand(4, 1, -1, -1)
        x = F.conv2d(x, kernel, padding=(reach, 0) if axis == 2 else (0, reach), groups=4)
    known = (x[:, 3:] * 20 - 0.5).clamp(0, 1)
    both = torch.cat([x[:, :3] / x[:, 3:].clamp_min(1e-5), known], 1)
    both = F.interpolate(both, frame.shape[-2:], mode="bilinear")
    return both[:, :3], both[:, 3:]


def motion_input(
    codec: PocketCodec,
    window: TrackWindow,
    last: Tensor | None,
    id_dim: int,
    rows: int,
    columns: int,
    has_past: Tensor | None = None,
) -> MotionInput:
    """Conditions of B single latent frames, each [B, channels, 1, rows, columns], in fp32.

    `last` [B, C, rows, columns] is the last latent frame of the past, None at the start of a stream;
    `has_past` [B] marks the rows that have one (all where it is None).
    """
    stride = codec.spec.stride
    moved, near = motion_field(window, rows, columns, stride)  # [B, PACKED, (2,) rows, columns]
    code = write_code(
        window.xy[:, :, 1:], window.visible[:, :, 1:], window.ids, id_dim, stride, rows, columns
    )
    batch = len(window.xy)
    guide = torch.zeros(batch, GUIDE_CHANNELS, rows, columns, device=window.xy.device)
    for slot, frame in enumerate((PACKED // 2 - 1, PACKED - 1)):
        guide[:, 3 * slot] = near[:, frame]
        guide[:, 3 * slot + 1 : 3 * slot + 3] = moved[:, frame] / SPEED
    left = left_behind(window, rows, columns, stride)
    guide[:, 7] = left
    if last is None:
        nothing = torch.zeros(batch, codec.spec.channels, 1, rows, columns, device=window.xy.device)
        return MotionInput(code[:, :, None], guide[:, :, None], nothing, nothing.clone())
    plain, followed = past_latents(codec, last, moved, near, left)
    past = torch.ones(batch, device=last.device) if has_past is None else has_past.float()
    guide[:, HAS_PAST] = past.view(-1, 1, 1)
    mask = past.view(-1, 1, 1, 1, 1)
    return MotionInput(code[:, :, None], guide[:, :, None], plain * mask, followed * mask)
