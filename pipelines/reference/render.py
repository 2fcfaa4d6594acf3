"""A layer stack moved rigidly through one chunk, and drawn: what hands and camera alone would show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.maps import STRIDE, Reference
from flowbrush.pipelines.reference.pose import STILL, Similarity, fit
from flowbrush.pipelines.reference.rising import rise, risen
from flowbrush.pipelines.reference.tones import Tone, between

OWN = 0.25  # opacity from which on a cell belongs to a layer: legs are thinner than a cell, and a brushed one is the ground's
FARTHEST = 44.0  # pixels: no flow of the world that students learn from is longer
PARALLAX = 0.25  # of a pan: how much further what is nearest moves than the background


@dataclass(frozen=True)
class TrackRows:
    """One chunk's tracks in pixels: `hands` [N] (-1: points of the scene), `xy` [N, 1 + F, 2] from the last frame of the past on,
    `visible` [N, 1 + F].
    """

    hands: np.ndarray
    xy: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class Moved:
    """A stack at the end of a chunk, what was drawn on the way, and which cells are whose: `own` [layers, h, w] opacity at
    the end. `ways` are all layers that were drawn, from back to front, and what each did in each frame; `tones` are those of the
    frames.
    """

    stack: LayerStack
    reference: Reference
    own: Tensor
    ways: tuple[tuple[Layer, Sequence[Similarity]], ...]
    tones: tuple[Tone, ...] = ()


def camera_steps(rows: TrackRows) -> list[Similarity]:
    """What the camera has done since the end of the past in each frame, from the scene's points; STILL where there are none."""
    frames = rows.xy.shape[1] - 1
    scene = rows.hands < 0
    return [_fit(rows, scene, frame) for frame in range(1, 1 + frames)]


def hand_steps(rows: TrackRows, hands: frozenset[int]) -> list[Similarity]:
    """What the hands that hold one layer have done to it since the end of the past, in each frame."""
    chosen = np.isin(rows.hands, list(hands))
    steps: list[Similarity] = []
    for frame in range(1, rows.xy.shape[1]):
        step = _fit(rows, chosen, frame)
        # A hand that is hidden for a while leaves the thing where it had it.
        steps.append(step if step.moves or not steps or _seen(rows, chosen, frame) else steps[-1])
    return steps


def _seen(rows: TrackRows, chosen: np.ndarray, frame: int) -> bool:
    return bool((chosen & rows.visible[:, 0] & rows.visible[:, frame]).any())


def _fit(rows: TrackRows, chosen: np.ndarray, frame: int) -> Similarity:
    known = chosen & rows.visible[:, 0] & rows.visible[:, frame]
    if not known.any():
        return STILL
    return fit(rows.xy[known, 0].astype(np.float64), rows.xy[known, frame].astype(np.float64))


def move(stack: LayerStack, rows: TrackRows) -> Moved:
    """The stack through one chunk: what is held goes with its hands, the rest with the camera."""
    camera = camera_steps(rows)
    frames = len(camera)
    steps = _steps(stack, rows, camera)
    height, width = stack.size
    things = torch.zeros(frames, 4, height, width, device=stack.background.device)
    grid = (height // STRIDE, width // STRIDE)
    own = torch.zeros(len(stack.layers), *grid, device=things.device)
    velocity, held = velocity_of(camera, grid), torch.zeros(1, *grid)
    for index, (layer, path) in enumerate(zip(stack.layers, steps, strict=True)):
        opacity = paint(things, layer, path)
        own[:index] *= 1 - opacity
        own[index] = opacity
        mine = (opacity > OWN).cpu()
        velocity = torch.where(mine, velocity_of(path, grid), velocity)
        held = torch.where(mine, float(layer.held), held)
    ground, confidence = background_frames(stack, camera)
    reference = Reference(
        things[None],
        ground[None],
        confidence[None],
        velocity[None].to(things.device),
        held[None].to(things.device),
    )
    layers = tuple(
        replace(risen(layer), pose=path[-1].after(layer.pose))
        for layer, path in zip(stack.layers, steps, strict=True)
    )
    own = own[[place for place, layer in enumerate(layers) if not layer.gone]]
    moved = replace(stack, layers=layers, camera=camera[-1].after(stack.camera))
    ways = tuple(zip(stack.layers, steps, strict=True))
    return Moved(moved.arrived(), reference, own, ways, tones_of(stack, frames))


def tones_of(stack: LayerStack, frames: int) -> tuple[Tone, ...]:
    """The tone of each frame of a chunk."""
    if stack.next_tone is None:
        return (stack.tone,) * frames
    begin = stack.shown or 0.0
    shares = [begin + (stack.share - begin) * frame / frames for frame in range(1, frames + 1)]
    return tuple(between(stack.tone, stack.next_tone, share) for share in shares)


def _steps(stack: LayerStack, rows: TrackRows, camera: Sequence[Similarity]) -> list[list[Similarity]]:
    """What each layer does in each frame: who is on one that a hand holds goes with it."""
    steps = [
        hand_steps(rows, layer.hands) if layer.held else [nearer(step, layer.depth) for step in camera]
        for layer in stack.layers
    ]
    for rider, carrier in stack.carriers().items():
        steps[rider] = steps[carrier]
    return rise(stack, steps)


def nearer(step: Similarity, depth: float) -> Similarity:
    """A camera's step as something at `depth` 0..1 shows it: what is near is carried further (parallax)."""
    if not step.moves:
        return step
    return replace(step, x=step.x * (1 + PARALLAX * depth), y=step.y * (1 + PARALLAX * depth))


def paint(things: Tensor, layer: Layer, path: Sequence[Similarity]) -> Tensor:
    """Draws a layer into `things` [F, 4, H, W] over what is there. Returns its opacity in the cells of the last frame [h, w]."""
    height, width = things.shape[-2:]
    poses = [step.after(layer.pose) for step in path]
    left, top, right, bottom = box = bounds(layer, poses, width, height)
    opacity = things.new_zeros(height // STRIDE, width // STRIDE)
    if left >= right or top >= bottom:
        return opacity
    same = all(pose == poses[0] for pose in poses)
    drawn = _put(things, layer, sample(layer.rgba, poses[:1] if same else poses, box), box)
    cells = F.avg_pool2d(drawn[-1:, 3:], STRIDE)[0, 0]
    opacity[top // STRIDE : bottom // STRIDE, left // STRIDE : right // STRIDE] = cells
    return opacity


def paint_bent(frames: Tensor, ways: Sequence[tuple[Layer, Sequence[Similarity]]], flow: Tensor) -> None:
    """Draws layers over `frames` [F, 3, H, W], from back to front, bent by `flow` [F, 2, h, w] (backward, in pixels).

    Each is seen once through its pose and the flow together: what is drawn first and warped then is twice as soft.
    """
    height, width = frames.shape[-2:]
    shift = F.interpolate(flow, (height, width), mode="bilinear", align_corners=False)
    for layer, path in ways:
        poses = [step.after(layer.pose) for step in path]
        reach = _reach(flow, bounds(layer, poses, width, height))
        left, top, right, bottom = box = bounds(layer, poses, width, height, reach)
        if left < right and top < bottom:
            _put(frames, layer, sample(layer.rgba, poses, box, shift[:, :, top:bottom, left:right]), box)


def _reach(flow: Tensor, box: tuple[int, int, int, int]) -> float:
    """How far a layer in `box` may be seen outside of it, in pixels: the longest flow (FARTHEST at most) in it and around it."""
    beyond = math.ceil(FARTHEST / STRIDE)
    left, top, right, bottom = (side // STRIDE for side in box)
    around = flow[..., max(0, top - beyond) : bottom + beyond, max(0, left - beyond) : right + beyond]
    return min(FARTHEST, float(around.abs().amax())) if around.numel() else 0.0


def _put(picture: Tensor, layer: Layer, drawn: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    """Puts a layer, `drawn` [F or 1, 4, …] where it stands, into `box` of a `picture` [F, 3 or 4, H, W]. Returns it as opaque as it
    is in each frame.
    """
    left, top, right, bottom = box
    drawn = drawn * _ramp(layer.shown, layer.opacity, len(picture), drawn.device)
    picture[:, :, top:bottom, left:right].mul_(1 - drawn[:, 3:]).add_(drawn[:, : picture.shape[1]])
    return drawn


def bounds(
    layer: Layer, poses: Sequence[Similarity], width: int, height: int, reach: float = 0.0
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the whole cells that a layer touches in any of its poses, or comes near to by `reach` pixels,
    within the picture.
    """
    h, w = layer.rgba.shape[-2:]
    corners = np.array([[-w, -h], [w, -h], [-w, h], [w, h]]) / 2
    points = np.concatenate([pose(corners) for pose in poses])
    low = np.floor((points.min(0) - 1 - reach) / STRIDE).astype(int) * STRIDE
    high = np.ceil((points.max(0) + 1 + reach) / STRIDE).astype(int) * STRIDE
    return max(0, int(low[0])), max(0, int(low[1])), min(width, int(high[0])), min(height, int(high[1]))


def sample(
    rgba: Tensor, poses: Sequence[Similarity], window: tuple[int, int, int, int], shift: Tensor | None = None
) -> Tensor:
    """`rgba` [C, h, w] in each pose, as the pixels (left, top, right, bottom) of a picture show it: [F, C, …]; or as others do
    that lie `shift` [F, 2, …] pixels further. A cut-out that is drawn much smaller is made smaller first, or fine lines would
    flicker.
    """
    left, top, right, bottom = window
    rgba, shrunk = shrink(rgba, max(pose.scale for pose in poses))
    h, w = rgba.shape[-2:]
    x = across = torch.arange(left, right, device=rgba.device) + 0.5
    y = down = torch.arange(top, bottom, device=rgba.device)[:, None] + 0.5
    grids = []
    for frame, pose in enumerate(poses):
        inner = pose.inverse
        (a, b), (c, d) = (inner.linear * shrunk).tolist()
        if shift is not None:
            x, y = across + shift[frame, 0], down + shift[frame, 1]
        u = (a * x + b * y + inner.x * shrunk) * (2 / w)
        v = (c * x + d * y + inner.y * shrunk) * (2 / h)
        grids.append(torch.stack([u, v], -1))
    source = rgba.expand(len(poses), -1, -1, -1)
    return F.grid_sample(source, torch.stack(grids), "bilinear", "zeros", align_corners=False)


def shrink(rgba: Tensor, scale: float) -> tuple[Tensor, float]:
    """A cut-out halved until drawing it at `scale` skips no pixels, and by what factor it shrank."""
    factor = 1.0
    while scale <= 0.5 and min(rgba.shape[-2:]) >= 2:
        rgba = F.avg_pool2d(rgba[None], 2, ceil_mode=True, count_include_pad=False)[0]
        scale, factor = scale * 2, factor / 2
    return rgba, factor


def background_frames(stack: LayerStack, camera: Sequence[Similarity]) -> tuple[Tensor, Tensor]:
    """The background in each frame [F, 3, H, W], and how sure the last one is [1, H, W]."""
    picture = stack.background
    if stack.next_background is not None:
        share = _ramp(stack.shown, stack.share, len(camera), picture.device)
        picture = picture + (stack.next_background - picture) * share
    poses = [step.after(stack.camera) for step in camera]
    if all(pose == STILL for pose in poses):
        still = framed(picture, stack.margin)
        return still.expand(len(poses), -1, -1, -1), framed(stack.confidence, stack.margin)
    return through(picture, poses, stack.margin), through(stack.confidence, poses[-1:], stack.margin)[0]


def _ramp(begin: float | None, end: float, frames: int, device: torch.device) -> Tensor | float:
    """From what the last picture showed to the end of a chunk, [F, 1, 1, 1]; just the end where nothing changes."""
    if begin is None:
        return end
    steps = torch.arange(1, frames + 1, device=device).view(-1, 1, 1, 1) / frames
    return begin + (end - begin) * steps


def framed(picture: Tensor, margin: tuple[int, int]) -> Tensor:
    """What a camera that has not moved shows of a picture with a margin."""
    (across, down), (height, width) = margin, picture.shape[-2:]
    return picture[..., down : height - down, across : width - across]


def through(picture: Tensor, poses: Sequence[Similarity], margin: tuple[int, int] = (0, 0)) -> Tensor:
    """A picture [C, H + 2 my, W + 2 mx], or one of each pose, as the camera shows it in each pose: [F, C, H, W]; past its rim it is
    mirrored.
    """
    (across, down), (tall, wide) = margin, picture.shape[-2:]
    x = torch.arange(wide - 2 * across, device=picture.device) + 0.5
    y = torch.arange(tall - 2 * down, device=picture.device)[:, None] + 0.5
    grids = []
    for pose in poses:
        inner = pose.inverse
        (a, b), (c, d) = inner.linear.tolist()
        u = (a * x + b * y + (inner.x + across)) * (2 / wide) - 1
        v = (c * x + d * y + (inner.y + down)) * (2 / tall) - 1
        grids.append(torch.stack([u, v], -1))
    source = picture.expand(len(poses), -1, -1, -1)  # of each frame, or one for all
    return F.grid_sample(source, torch.stack(grids), "bilinear", "reflection", align_corners=False)


def cells_of(grid: tuple[int, int]) -> np.ndarray:
    """Centres of a grid's cells in pixels [h, w, 2]."""
    x, y = np.meshgrid((np.arange(grid[1]) + 0.5) * STRIDE, (np.arange(grid[0]) + 0.5) * STRIDE)
    return np.stack([x, y], -1)


def velocity_of(path: Sequence[Similarity], grid: tuple[int, int]) -> Tensor:
    """How far what is in each cell has come by each frame, [F, 2, h, w] in pixels, when all of it moves along `path`."""
    cells = cells_of(grid)
    ways = [cells - step.inverse(cells) for step in path]
    return torch.from_numpy(np.stack(ways)).float().permute(0, 3, 1, 2)
