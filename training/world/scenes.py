"""Procedural scenes, drawn larger than a frame so that a camera can move over them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Rng = np.random.Generator
Colour = tuple[int, int, int]
SUPERSAMPLE = 2


@dataclass(frozen=True)
class Layout:
    """Where things are in a painted scene, in fractions of the picture's width or height.

    Above `horizon` is sky; feet stand at `ground` or further down; `water` are the rows of a sea or lake; `sun` is (x, y, radius in
    fractions of the height).
    """

    horizon: float
    ground: float
    water: tuple[float, float] | None = None
    sun: tuple[float, float, float] | None = None


Painting = tuple[Image.Image, Layout]


def _vary(rng: Rng, colour: Colour, amount: float = 14) -> Colour:
    shift = rng.normal(0, amount * 0.4) + rng.normal(0, amount * 0.5, 3)
    r, g, b = (int(np.clip(c + s, 0, 255)) for c, s in zip(colour, shift, strict=True))
    return r, g, b


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour, end: float = 1.0) -> Image.Image:
    width, height = size
    k = np.clip(np.linspace(0, 1 / end, height), 0, 1)[:, None]
    column = np.asarray(top) * (1 - k) + np.asarray(bottom) * k
    return Image.fromarray(np.broadcast_to(column[:, None], (height, width, 3)).astype(np.uint8))


def _ridge(
    rng: Rng, draw: ImageDraw.ImageDraw, size: tuple[int, int], y: float, swing: float, colour: Colour
) -> None:
    """A hilly silhouette from `y` (fraction of the height) to the bottom."""
    width, height = size
    x = np.linspace(0, width, 48)
    waves = sum(
        np.sin(x / width * 2 * math.pi * f + rng.uniform(0, 6.3)) / f for f in rng.uniform(0.7, 3.5, 3)
    )
    top = height * y - waves * swing * height
    draw.polygon([(0, height), *zip(x.tolist(), top.tolist(), strict=True), (width, height)], fill=colour)


def _blobs(
    rng: Rng,
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    rows: tuple[float, float],
    count: int,
    radius: tuple[float, float],
    colour: Colour,
    flat: float = 1.0,
) -> None:
    width, height = size
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(*rows) * height
        r = rng.uniform(*radius) * height
        draw.ellipse([x - r, y - r * flat, x + r, y + r * flat], fill=_vary(rng, colour, 8))


def _cloud(rng: Rng, draw: ImageDraw.ImageDraw, size: tuple[int, int], colour: Colour) -> None:
    width, height = size
    x, y = rng.uniform(0, width), rng.uniform(0.06, 0.3) * height
    for _ in range(4):
        r = rng.uniform(0.025, 0.05) * height
        dx = rng.uniform(-0.07, 0.07) * width
        draw.ellipse([x + dx - r * 1.7, y - r, x + dx + r * 1.7, y + r], fill=colour)


def _meadow(rng: Rng, size: tuple[int, int]) -> Painting:
    picture = _gradient(size, _vary(rng, (96, 168, 236)), _vary(rng, (202, 230, 250)), 0.55)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 5)):
        _cloud(rng, draw, size, (250, 251, 253))
    horizon = rng.uniform(0.42, 0.58)
    _ridge(rng, draw, size, horizon, 0.05, _vary(rng, (108, 172, 92)))
    _ridge(rng, draw, size, horizon + 0.1, 0.03, _vary(rng, (92, 178, 74)))
    _blobs(rng, draw, size, (horizon + 0.2, 1), 26, (0.006, 0.012), _vary(rng, (244, 226, 120), 60))
    return picture, Layout(horizon, horizon + 0.1)


def _beach(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    picture = _gradient(size, _vary(rng, (92, 178, 240)), _vary(rng, (212, 238, 250)), 0.45)
    draw = ImageDraw.Draw(picture)
    horizon = rng.uniform(0.34, 0.46)
    draw.rectangle([0, height * horizon, width, height], fill=_vary(rng, (40, 142, 190)))
    for k in range(5):
        y = height * (horizon + 0.03 + 0.035 * k)
        draw.line([0, y, width, y], fill=_vary(rng, (92, 184, 214), 8), width=2 * SUPERSAMPLE)
    shore = horizon + rng.uniform(0.16, 0.24)
    _ridge(rng, draw, size, shore - 0.015, 0.012, (238, 246, 246))
    _ridge(rng, draw, size, shore, 0.012, _vary(rng, (238, 214, 160)))
    _blobs(rng, draw, size, (shore + 0.1, 1), 18, (0.004, 0.009), _vary(rng, (214, 186, 130)), 0.6)
    return picture, Layout(horizon, shore + 0.03, water=(horizon, shore))


def _night(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    picture = _gradient(size, _vary(rng, (10, 14, 44), 8), _vary(rng, (44, 54, 110), 10), 0.8)
    draw = ImageDraw.Draw(picture)
    for _ in range(70):
        x, y, r = rng.uniform(0, width), rng.uniform(0, 0.65) * height, rng.uniform(0.6, 1.8) * SUPERSAMPLE
        draw.ellipse([x - r, y - r, x + r, y + r], fill=_vary(rng, (236, 236, 210), 20))
    x, y, r = rng.uniform(0.2, 0.8) * width, rng.uniform(0.12, 0.3) * height, rng.uniform(0.05, 0.08) * height
    draw.ellipse([x - r, y - r, x + r, y + r], fill=(246, 240, 206))
    moon = (x, y, r)
    horizon = rng.uniform(0.62, 0.74)
    _ridge(rng, draw, size, horizon, 0.05, _vary(rng, (24, 34, 62), 6))
    _ridge(rng, draw, size, horizon + 0.12, 0.03, _vary(rng, (16, 26, 44), 6))
    return picture, Layout(horizon, horizon + 0.06, sun=(moon[0] / width, moon[1] / height, moon[2] / height))


def _snow(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    picture = _gradient(size, _vary(rng, (158, 186, 216)), _vary(rng, (226, 234, 244)), 0.5)
    draw = ImageDraw.Draw(picture)
    horizon = rng.uniform(0.42, 0.56)
    _ridge(rng, draw, size, horizon, 0.06, _vary(rng, (206, 220, 238), 6))
    for _ in range(rng.integers(3, 9)):
        x, r = rng.uniform(0, width), rng.uniform(0.05, 0.09) * height
        y = height * (horizon + 0.08)
        green = _vary(rng, (50, 104, 84))
        draw.polygon([(x - r * 0.6, y), (x + r * 0.6, y), (x, y - 2 * r)], fill=green)
    _ridge(rng, draw, size, horizon + 0.1, 0.03, _vary(rng, (240, 245, 251), 4))
    _blobs(rng, draw, size, (0.05, 0.95), 40, (0.003, 0.006), (252, 253, 255))
    return picture, Layout(horizon, horizon + 0.13)


def _desert(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    picture = _gradient(size, _vary(rng, (118, 186, 232)), _vary(rng, (246, 226, 184)), 0.5)
    draw = ImageDraw.Draw(picture)
    x, y, r = rng.uniform(0.1, 0.9) * width, rng.uniform(0.12, 0.24) * height, 0.055 * height
    draw.ellipse([x - r, y - r, x + r, y + r], fill=(255, 244, 198))
    horizon = rng.uniform(0.44, 0.56)
    _ridge(rng, draw, size, horizon, 0.06, _vary(rng, (226, 172, 104)))
    _ridge(rng, draw, size, horizon + 0.12, 0.05, _vary(rng, (214, 152, 84)))
    _ridge(rng, draw, size, horizon + 0.27, 0.04, _vary(rng, (232, 176, 106)))
    return picture, Layout(horizon, horizon + 0.12, sun=(x / width, y / height, r / height))


def _under_water(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    picture = _gradient(size, _vary(rng, (38, 146, 190)), _vary(rng, (10, 52, 104)))
    draw = ImageDraw.Draw(picture)
    floor = rng.uniform(0.74, 0.84)
    _ridge(rng, draw, size, floor, 0.03, _vary(rng, (150, 142, 104)))
    for _ in range(rng.integers(5, 12)):
        x, tall = rng.uniform(0, width), rng.uniform(0.1, 0.28) * height
        colour = _vary(rng, (32, 128, 96), 26)
        sway = rng.uniform(-0.1, 0.1) * height
        base = height * (floor + 0.04)
        draw.line(
            [(x, base), (x + sway * 0.3, base - tall * 0.5), (x + sway, base - tall)],
            fill=colour,
            width=int(0.02 * height),
        )
    _blobs(rng, draw, size, (0.05, 0.7), 16, (0.005, 0.012), (156, 214, 232))
    return picture, Layout(0.0, floor + 0.02, water=(0.0, floor))


def _sunset(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    horizon = rng.uniform(0.52, 0.64)
    picture = _gradient(size, _vary(rng, (84, 58, 128)), _vary(rng, (252, 158, 84)), horizon)
    draw = ImageDraw.Draw(picture)
    x, r = rng.uniform(0.2, 0.8) * width, rng.uniform(0.08, 0.12) * height
    y = height * (horizon - rng.uniform(0.0, 0.1))
    draw.ellipse([x - r, y - r, x + r, y + r], fill=(255, 222, 128))
    _ridge(rng, draw, size, horizon, 0.03, _vary(rng, (110, 56, 92)))
    _ridge(rng, draw, size, horizon + 0.12, 0.03, _vary(rng, (72, 38, 74)))
    return picture, Layout(
        horizon, horizon + 0.14, water=(horizon, horizon + 0.1), sun=(x / width, y / height, r / height)
    )


def _road(rng: Rng, size: tuple[int, int]) -> Painting:
    width, height = size
    picture = _gradient(size, _vary(rng, (128, 188, 236)), _vary(rng, (226, 238, 246)), 0.5)
    draw = ImageDraw.Draw(picture)
    horizon = rng.uniform(0.38, 0.48)
    for _ in range(rng.integers(5, 10)):
        x, tall, wide = (
            rng.uniform(0, width),
            rng.uniform(0.1, 0.24) * height,
            rng.uniform(0.06, 0.12) * width,
        )
        draw.rectangle(
            [x, height * (horizon - 0) - tall, x + wide, height * horizon + 4],
            fill=_vary(rng, (176, 168, 176), 34),
        )
    draw.rectangle([0, height * horizon, width, height], fill=_vary(rng, (122, 170, 96)))
    top, bottom = height * (horizon + 0.16), height * (horizon + 0.46)
    draw.rectangle([0, top, width, bottom], fill=_vary(rng, (92, 94, 102), 8))
    middle, dash = (top + bottom) / 2, 0.07 * width
    for k in range(10):
        x = (k * 1.5 + 0.2) * dash
        draw.rectangle(
            [x, middle - 0.012 * height, x + dash * 0.8, middle + 0.012 * height], fill=(238, 234, 214)
        )
    return picture, Layout(horizon, horizon + 0.18)


PAINTERS: dict[str, Callable[[Rng, tuple[int, int]], Painting]] = {
    "meadow": _meadow,
    "beach": _beach,
    "night": _night,
    "snow": _snow,
    "desert": _desert,
    "under water": _under_water,
    "sunset": _sunset,
    "road": _road,
}


def paint_scene(name: str, rng: Rng, width: int, height: int) -> np.ndarray:
    """An RGB picture [height, width, 3] uint8 of the scene `name`, lit and coloured at random."""
    return lay_out_scene(name, rng, width, height)[0]


def lay_out_scene(name: str, rng: Rng, width: int, height: int) -> tuple[np.ndarray, Layout]:
    """A scene as `paint_scene` paints it, and where everything is in it."""
    picture, layout = PAINTERS[name](rng, (width * SUPERSAMPLE, height * SUPERSAMPLE))
    picture = picture.resize((width, height), Image.Resampling.BOX)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2)))
    light = rng.uniform(0.88, 1.06)
    return np.clip(np.asarray(picture, np.float32) * light, 0, 255).astype(np.uint8), layout
