"""Layers drawn into frames, and pictures seen through poses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.maps import STRIDE
from flowbrush.pipelines.reference.pose import STILL, Similarity

SHINES = frozenset({"fire", "star", "light bulb"})
"""Things that are no darker at night."""
FARTHEST = 44.0  # pixels: no flow of the world that students learn from is longer


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


def shining(like: Tensor, ways: Sequence[tuple[Layer, Sequence[Similarity]]], flow: Tensor) -> Tensor | None:
    """How much of each pixel of frames `like` [F, 3, H, W] is of what shines by itself, in 0..1, as `paint_bent` draws the layers;
    None where nothing does.
    """
    lights = [parted(layer.label)[1] in SHINES for layer, _ in ways]
    if not any(lights):
        return None
    seen = torch.zeros_like(like)
    flat = [
        (replace(layer, rgba=torch.cat([layer.rgba[3:] * lit] * 3 + [layer.rgba[3:]])), path)
        for lit, (layer, path) in zip(lights, ways, strict=True)
    ]
    paint_bent(seen, flat, flow)
    return seen


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
