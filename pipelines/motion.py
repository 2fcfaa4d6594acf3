"""Tracks and the past as tensors: from points in pixels to what the student takes beside the noisy latent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.track_encoder import GUIDE_CHANNELS, HAS_PAST, NEAR, PACKED, write_code
from models.transformer import MotionInput
from pipelines.cutting import cut_and_drag
from pipelines.holds import EMPTY, Grip, put_back, take_hold
from pipelines.picture_tools import PLAIN, PictureTools
from pipelines.scene import STILL, carry, of_the_scene, scene_moves
from pipelines.turning import Turning

SOFTNESS = 6.0  # pixels: within this distance of a track the motion is the track's own
LEAVING = 1.0  # pixels a latent frame from which on a track counts as moving
SPEED = 16.0  # pixels a latent frame that count as 1 in the guide


@dataclass
class TrackWindow:
    """Tracks of B latent frames, padded to N a row with invisible ones.

    `xy` [B, N, 1 + F, 2] in pixels: where each was in the last frame of the past, then in each of F frames
    (PACKED of them in a latent frame); `visible` [B, N, 1 + F] is False where a track is occluded, outside,
    released or not there; `ids` [B, N]. Tracks of one hand have the same number in `groups` [B, N] (each its own where none
    are given); it is below 0 for points of the scene, which say how the camera moves.
    """

    ids: Tensor
    xy: Tensor
    visible: Tensor
    groups: Tensor = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.groups is None:
            self.groups = torch.arange(self.ids.shape[1], device=self.ids.device).expand_as(self.ids)

    def to(self, device: torch.device) -> TrackWindow:
        return TrackWindow(*(x.to(device) for x in (self.ids, self.xy, self.visible, self.groups)))

    def at(self, rows: Tensor) -> TrackWindow:
        """Some of the rows."""
        return TrackWindow(self.ids[rows], self.xy[rows], self.visible[rows], self.groups[rows])


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


def past_latents(
    codec: PocketCodec,
    last: Tensor,
    window: TrackWindow,
    grips: Sequence[Grip],
    turnings: Sequence[Turning | None] = (),
) -> tuple[Tensor, Tensor]:
    """The last frame of latent frames `last` [B, C, h, w] as it was, and as the hands would have it: [B, C, 1, h, w] each.

    The second is a proposal, of which the student takes what it likes. The scene goes where the camera takes it; what is held
    (`grips`, by row) stands where its hand is; what other moving hands touch is carried along from the last frame. Where a prompt
    turns the picture into another one (`turnings`, by row), both are on the way there.
    """
    frame = codec.picture(last.float())
    plain = codec.still(frame)[:, :, None]
    held = [row for row, grip in enumerate(grips) if grip.things]
    every = zip(window.groups, window.visible, grips, strict=True)
    scene = [of_the_scene(groups, visible, grip.things) for groups, visible, grip in every]
    moves, panned = scene_moves(torch.stack(scene), window.xy, window.visible)
    loose = _loose(window, grips)
    rows, columns = last.shape[-2:]
    moved, near = motion_field(loose, rows, columns, codec.spec.stride)
    pulled = (moved.abs().flatten(1).amax(1) > STILL) & ~panned
    changed = pulled | panned
    turned = [row for row, turning in enumerate(turnings) if turning is not None]
    changed[held + turned] = True
    if not changed.any():
        return plain, plain.clone()
    for row in held:
        frame[row] = grips[row].plate  # type: ignore[assignment]  # there is one where there are things
    video = frame[:, :, None].repeat(1, 1, moves.shape[1], 1, 1)  # [B, 3, K, H, W]
    if panned.any():
        video[panned] = carry(frame[panned], moves[panned])
    if pulled.any():
        left = left_behind(loose, rows, columns, codec.spec.stride)
        video[pulled] = cut_and_drag(frame[pulled], moved[pulled], near[pulled], left[pulled])
    for row in turned:
        video[row] = turnings[row].mix(video[row])  # type: ignore[union-attr]
    for row in held:
        put_back(video[row], grips[row], window.groups[row], window.xy[row], window.visible[row])
    followed = plain.clone()
    followed[changed] = codec.analyse(video[changed])
    plain[turned] = followed[turned]
    return plain, followed


def _loose(window: TrackWindow, grips: Sequence[Grip]) -> TrackWindow:
    """The tracks of hands that might hold more than they were given: they carry what is near them from the last frame. A hand on
    bare ground carries nothing.
    """
    visible = window.visible & (window.groups >= 0)[..., None]
    for row, grip in enumerate(grips):
        for group in (*grip.things, *grip.idle):
            visible[row, window.groups[row] == group] = False
    return replace(window, visible=visible)


def take_holds(
    codec: PocketCodec,
    grips: Sequence[Grip],
    last: Tensor,
    window: TrackWindow,
    tools: PictureTools = PLAIN,
) -> list[Grip]:
    """What the hands of each row hold in the next chunk (`holds.take_hold`), `last` [B, C, h, w] being the last latent frame."""
    if not bool((window.groups >= 0).any()):
        return [EMPTY for _ in grips]
    frames = codec.picture(last.float())
    return [
        take_hold(grip, frames[row], window.groups[row], window.xy[row], window.visible[row], tools)
        for row, grip in enumerate(grips)
    ]


def motion_input(
    codec: PocketCodec,
    window: TrackWindow,
    last: Tensor | None,
    id_dim: int,
    rows: int,
    columns: int,
    has_past: Tensor | None = None,
    grips: Sequence[Grip] | None = None,
    turnings: Sequence[Turning | None] = (),
) -> MotionInput:
    """Conditions of B single latent frames, each [B, channels, 1, rows, columns], in fp32.

    `last` [B, C, rows, columns] is the last latent frame of the past, None at the start of a stream;
    `has_past` [B] marks the rows that have one (all where it is None); `grips` is what the hands of each row hold,
    `turnings` what a new prompt makes of each picture.
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
    plain, followed = past_latents(codec, last, window, grips or [EMPTY] * batch, turnings)
    past = torch.ones(batch, device=last.device) if has_past is None else has_past.float()
    guide[:, HAS_PAST] = past.view(-1, 1, 1)
    mask = past.view(-1, 1, 1, 1, 1)
    return MotionInput(code[:, :, None], guide[:, :, None], plain * mask, followed * mask)
