"""A thing dragged across a photo for ten seconds, compared with what the picture should then be."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.controls import Point, TrackBegin
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.outline import outline
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.training.photos.clicks import thickest
from flowbrush.training.photos.judges import Pasted

SECONDS = 10
EARLY = 2  # the second with which the last one is compared
STRIDE = 0.5  # seconds between the points of the path
SWING = (0.3, 0.2)  # of the picture: how far the path goes to and fro across and down
PEAK = 255.0


def dragged(generator: Generator, case: Pasted) -> tuple[float, float] | None:
    """PSNR of whole frames in dB, in the second `EARLY` and in the last one: the thing is taken by its true outline, so that
    what is measured is how well it is carried, and the hole behind it filled. None where the thing has no rim.
    """
    region = outline(case.opacity)
    if not region:
        return None
    height, width = case.opacity.shape
    fps, frames = round(generator.card.fps), generator.card.chunk_frames
    start = thickest(case.opacity > 0.5) / torch.tensor([width, height])
    times = np.arange(0, SECONDS + 1 + STRIDE, STRIDE)
    way = np.stack([_at(float(t), start) for t in times])
    points = tuple(Point(t=float(t), x=float(x), y=float(y)) for t, (x, y) in zip(times, way, strict=True))
    track = TrackBegin(track=1, kind="path", points=points, region=region)
    image = _bytes(case.picture)
    state = generator.start(
        StreamSettings(generator.card.name, (), width, height, fps, image=image, tracks=(track,))
    )
    errors: list[float] = []
    for _ in range(SECONDS * fps // frames):
        for shown in generator.step([state], [()])[0].frames:
            now = (len(errors) + 1) / fps
            moved = [np.interp(now, times, way[:, axis]) - float(start[axis]) for axis in (0, 1)]
            truth = _bytes(composite(case, moved[0] * width, moved[1] * height))
            errors.append(float(((shown.astype(np.float32) - truth) ** 2).mean()))
    generator.release(state)
    return _psnr(errors[(EARLY - 1) * fps : EARLY * fps]), _psnr(errors[-fps:])


def composite(case: Pasted, x: float, y: float) -> Tensor:
    """The picture with its thing moved by `x`, `y` pixels: [3, H, W] in -1..1."""
    height, width = case.opacity.shape
    colours = case.picture - case.ground * (1 - case.opacity)  # premultiplied
    layer = torch.cat([colours, case.opacity[None]])[None]
    theta = torch.tensor([[1.0, 0.0, -2 * x / width], [0.0, 1.0, -2 * y / height]], dtype=torch.float32)
    grid = F.affine_grid(theta[None], [1, 1, height, width], align_corners=False)
    moved = F.grid_sample(layer, grid, padding_mode="zeros", align_corners=False)[0]
    return moved[:3] + case.ground * (1 - moved[3:])


def _at(t: float, start: Tensor) -> tuple[float, float]:
    """Where the hand is after `t` seconds: to and fro around the middle of the picture, from `start` on."""
    swing = math.sin(2 * math.pi * t / SECONDS * 1.5), math.sin(2 * math.pi * t / SECONDS)
    toward = [0.5 - float(start[0]), 0.5 - float(start[1])]
    share = min(1.0, t / EARLY)
    x = float(start[0]) + share * toward[0] + SWING[0] * swing[0] * share
    return x, float(start[1]) + share * toward[1] + SWING[1] * swing[1] * share


def _bytes(picture: Tensor) -> np.ndarray:
    """A picture [3, H, W] in -1..1 as RGB uint8 [H, W, 3]."""
    return ((picture.clamp(-1, 1) + 1) * (PEAK / 2)).round().permute(1, 2, 0).to(torch.uint8).numpy()


def _psnr(errors: list[float]) -> float:
    """Of mean squared errors of frames in levels of 0..255."""
    return float(np.mean([10 * math.log10(PEAK**2 / max(error, 1e-3)) for error in errors]))
