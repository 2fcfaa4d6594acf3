"""The rigid reference: what a compositor shows that knows one similarity a thing and the camera, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.training.world.bodies import CHUNK, Base
from flowbrush.training.world.deform import CELL
from flowbrush.training.world.sprites import SpriteBook

Array = np.ndarray
COVERED = 0.35  # share of a cell that a thing must cover for the cell to be its own


@dataclass
class Rigid:
    """A thing's reference poses: `middle` [F, 2] in the frame, `size` [F], `angle` [F].

    `before` [F, 4] is the pose that the chunk began with (x, y, size, angle), `turned` [F] what the base has turned beyond the
    reference, `drive` [F / 4, 3] what the base gains in a chunk: pixels and radians.
    """

    middle: Array
    size: Array
    angle: Array
    before: Array
    turned: Array
    drive: Array


def reference(base: Base, size: float, camera: Array) -> Rigid:
    """Held: the middle follows the hand. Free: it stays where the chunk before left it, and the camera carries it."""
    frames = len(camera)
    zoom = np.sqrt(np.abs(np.linalg.det(camera[:, :, :2])))
    roll = np.arctan2(camera[:, 1, 0], camera[:, 0, 0])
    start = np.arange(frames) // CHUNK * CHUNK  # row of the base path at the end of the chunk before
    earlier = np.maximum(start - 1, 0)  # that frame's camera
    held = np.repeat(base.held, CHUNK)
    carried = np.einsum("fij,fj->fi", camera[:, :, :2], base.world[start]) + camera[:, :, 2]
    middle = np.where(held[:, None], base.frame[1:], carried)
    before = np.stack([*base.frame[start].T, size * zoom[earlier], base.angle[start] + roll[earlier]], 1)
    end = np.arange(CHUNK - 1, frames, CHUNK)
    turned = base.angle[1:] - base.angle[start]
    drive = np.concatenate([base.frame[1:][end] - middle[end], turned[end, None]], 1)
    return Rigid(middle, size * zoom, base.angle[start] + roll, before, turned, drive)


def draw_things(
    book: SpriteBook, names: list[str], rigids: list[Rigid], width: int, height: int
) -> tuple[Tensor, Tensor]:
    """All things [F, 4, H, W] uint8, premultiplied, later ones in front, and what is seen of each: [F, n, H / 8, W / 8] in 0..1."""
    frames = len(rigids[0].middle) if rigids else 0
    largest = max((float(rigid.size.max()) for rigid in rigids), default=0)
    window = int(np.ceil(largest * 1.45 / CELL + 1) * CELL)
    canvas = torch.zeros(frames, 4, height, width)
    seen = torch.zeros(frames, len(names), height, width)
    for rank, (name, rigid) in enumerate(zip(names, rigids, strict=True)):
        rim = np.array([width, height]) + 0.5 * window
        middle = torch.from_numpy(np.clip(rigid.middle, -0.5 * window, rim)).float()
        layers, corner = book.draw(name, middle, _float(rigid.size), _float(rigid.angle), window)
        for frame, (x, y) in enumerate(corner.tolist()):
            left, top, right, bottom = max(x, 0), max(y, 0), min(x + window, width), min(y + window, height)
            if left >= right or top >= bottom:
                continue
            part = (frame, slice(None), slice(top, bottom), slice(left, right))
            layer = layers[frame, :, top - y : bottom - y, left - x : right - x]
            clear = 1 - layer[3:]
            canvas[part] = canvas[part] * clear + layer
            seen[part] *= clear
            seen[frame, rank, top:bottom, left:right] = layer[3]
    return canvas.mul_(255).round_().clamp_(0, 255).to(torch.uint8), F.avg_pool2d(seen, CELL)


def ground_frames(scene: Tensor, camera: Array, margin: tuple[int, int], width: int, height: int) -> Tensor:
    """The background [F, 3, H, W] uint8 under the camera; the `scene` [3, H', W'] in 0..1 is larger by `margin` on each side."""
    if np.allclose(camera, camera[:1]):
        cut = scene[:, margin[1] : margin[1] + height, margin[0] : margin[0] + width]
        return cut.mul(255).round().to(torch.uint8).expand(len(camera), -1, -1, -1)
    inverse = np.linalg.inv(camera[:, :, :2])
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    linear = torch.from_numpy(inverse).float()
    at = torch.from_numpy(np.stack([x, y], -1)).float()[None] - _float(camera[:, :, 2])[:, None, None]
    at = torch.einsum("fij,fyxj->fyxi", linear, at) + torch.tensor([float(m) for m in margin])
    grid = at / torch.tensor([scene.shape[2], scene.shape[1]]) * 2 - 1
    shown = F.grid_sample(
        scene.expand(len(camera), -1, -1, -1), grid, "bilinear", "reflection", align_corners=False
    )
    return shown.mul(255).round().clamp(0, 255).to(torch.uint8)


def owners(seen: Tensor) -> Tensor:
    """Whose each cell is [F / 4, h, w]: the thing that covers most of it on average over the chunk; -1 where none covers enough."""
    frames, count = seen.shape[:2]
    if not count:
        return torch.full((frames // CHUNK, *seen.shape[2:]), -1)
    share, index = seen.unflatten(0, (-1, CHUNK)).mean(1).max(1)
    return torch.where(share > COVERED, index, -1)


def velocities(seen: Tensor, rigids: list[Rigid], camera: Array) -> Array:
    """How far what the reference shows in each cell has come since the end of the chunk before: [F, 2, h, w] in pixels."""
    frames, count = seen.shape[:2]
    y, x = np.mgrid[0 : seen.shape[2], 0 : seen.shape[3]] * CELL + CELL / 2
    at = np.stack([x, y])  # [2, h, w]
    earlier = camera[np.maximum(np.arange(frames) // CHUNK * CHUNK - 1, 0)]
    world = np.einsum("fij,fjyx->fiyx", np.linalg.inv(camera[:, :, :2]), at - camera[:, :, 2, None, None])
    result = at - (np.einsum("fij,fjyx->fiyx", earlier[:, :, :2], world) + earlier[:, :, 2, None, None])
    if count:
        share, front = (values.numpy() for values in seen.max(1))
        for rank, rigid in enumerate(rigids):
            moved = at - _back(rigid, at)
            result = np.where(((share > COVERED) & (front == rank))[:, None], moved, result)
    made: Array = result.astype(np.float32)
    return made


def _back(rigid: Rigid, at: Array) -> Array:
    """Where the thing's point at `at` [2, h, w] was at the end of the chunk before: [F, 2, h, w]."""
    turn = rigid.before[:, 3] - rigid.angle
    scale = rigid.before[:, 2] / rigid.size
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    offset = at - rigid.middle[:, :, None, None]
    made: Array = np.einsum("fij,fjyx->fiyx", linear, offset) + rigid.before[:, :2, None, None]
    return made


def _float(values: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
