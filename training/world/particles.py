"""Small soft spots: snow, rain, bubbles, stars, glitter, dust, drops. Drawn as opacity maps over many frames at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Rng = np.random.Generator
Array = np.ndarray


class Veil(NamedTuple):
    """A colour (0..1) with an `opacity` [F, H, W] float32 over what is below it."""

    colour: tuple[float, float, float]
    opacity: Array


class Flakes(NamedTuple):
    """N spots in F frames: `at` [F, N, 2] in frame pixels, `radius` [F, N] in pixels, `strength` [F, N] 0..1."""

    at: Array
    radius: Array
    strength: Array


def splat(flakes: Flakes, width: int, height: int, stretch: tuple[float, float] = (1.0, 1.0)) -> Array:
    """Gaussian spots [F, H, W] float32, where they meet the sum of them up to 1; `stretch` multiplies radii along x and y."""
    frames = len(flakes.at)
    if not flakes.at.shape[1]:
        return np.zeros((frames, height, width), np.float32)
    reach = [int(np.ceil(2.2 * float(flakes.radius.max()) * s)) for s in stretch]
    x, y = flakes.at[..., 0].ravel(), flakes.at[..., 1].ravel()
    radius, strength = flakes.radius.ravel(), flakes.strength.ravel()
    seen = (
        (strength > 0.01)
        & (x > -reach[0])
        & (x < width + reach[0])
        & (y > -reach[1])
        & (y < height + reach[1])
    )
    frame = np.repeat(np.arange(frames), flakes.at.shape[1])[seen]
    x, y, radius, strength = (values[seen].astype(np.float32) for values in (x, y, radius, strength))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    across, down = np.arange(-reach[0], reach[0] + 1), np.arange(-reach[1], reach[1] + 1)
    column, row = left[:, None] + across, top[:, None] + down
    along = np.exp(-(((column + 0.5 - x[:, None]) / (radius * stretch[0])[:, None]) ** 2))
    upright = np.exp(-(((row + 0.5 - y[:, None]) / (radius * stretch[1])[:, None]) ** 2)) * strength[:, None]
    along *= (column >= 0) & (column < width)
    upright *= (row >= 0) & (row < height)
    index = frame[:, None] * height + row.clip(0, height - 1)
    index = index[:, :, None] * width + column.clip(0, width - 1)[:, None, :]
    value = upright[:, :, None] * along[:, None, :]
    total = np.bincount(index.ravel(), value.ravel(), frames * height * width)
    return np.minimum(total, 1).astype(np.float32).reshape(frames, height, width)


def falling(rng: Rng, frames: int, pan: Array, size: tuple[int, int], count: int, speed: tuple[float, float], drift: float,
            radius: tuple[float, float], sway: float, strength: tuple[float, float]) -> Flakes:  # fmt: skip
    """Spots that come down (or go up, with a speed below 0) for ever, blown by `drift` pixels a frame, swaying `sway` pixels;
    `pan` [F, 2] is how the camera shifts what is near.
    """
    width, height = size
    rim = 16
    near = rng.random(count)  # near ones are larger, faster and brighter
    pace = speed[0] + (speed[1] - speed[0]) * near
    time = np.arange(frames)[:, None]
    phase, turn = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.1, 0.25, count)
    x = (
        rng.uniform(0, width + 2 * rim, count)
        + drift * (0.6 + 0.4 * near) * time
        + sway * np.sin(turn * time + phase)
    )
    y = rng.uniform(0, height + 2 * rim, count) + pace * time
    at = np.stack([x + pan[:, :1], y + pan[:, 1:]], -1) % np.array([width + 2 * rim, height + 2 * rim]) - rim
    one = np.ones((frames, 1))
    return Flakes(at, one * (radius[0] + (radius[1] - radius[0]) * near),
                  one * (strength[0] + (strength[1] - strength[0]) * near))  # fmt: skip


def twinkling(
    rng: Rng, frames: int, spots: Array, radius: tuple[float, float], period: tuple[float, float]
) -> Flakes:
    """Spots [F, N, 2] that light up and go out again, each in its own time."""
    count = spots.shape[1]
    time = np.arange(frames)[:, None]
    wave = np.sin(2 * np.pi * (time / rng.uniform(*period, count) + rng.random(count)))
    size = np.ones((frames, 1)) * rng.uniform(*radius, count)
    return Flakes(spots, size, np.clip(wave, 0, 1) ** 2 * rng.uniform(0.5, 1, count))


def thrown(
    rng: Rng, frames: int, born: Array, from_: Array, speed: float, gravity: float, lasts: int, size: float
) -> Flakes:
    """Spots thrown up at frames `born` [N] from places `from_` [N, 2], that fall by `gravity` and fade in about `lasts` frames."""
    count = len(born)
    age = np.arange(frames)[:, None] - born
    angle = rng.uniform(-1.3, 1.3, count)
    pace = speed * rng.uniform(0.4, 1, count)
    x = from_[:, 0] + np.sin(angle) * pace * age
    y = from_[:, 1] - np.cos(angle) * pace * age + 0.5 * gravity * age**2
    alive = (age >= 0) & (age < lasts)
    fade = np.where(alive, 1 - age / lasts, 0)
    grown = size * rng.uniform(0.7, 1.2, count) * (1 + 0.6 * np.clip(age, 0, lasts) / lasts)
    return Flakes(np.stack([x, y], -1), grown, fade)
