"""How things move in the toy world: hands that drag, things that drift, cameras that pan, zoom and shake."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Rng = np.random.Generator
Array = np.ndarray


def ease(k: Array) -> Array:
    """Minimum-jerk progress 0..1 for k in 0..1: how a hand goes from one point to another."""
    made: Array = k**3 * (10 - 15 * k + 6 * k**2)
    return made


def hand_drag(rng: Rng, frames: int, start: Array, width: float, height: float) -> tuple[Array, Array]:
    """A hand that takes an object at `start`, drags it about, pauses, and perhaps lets go.

    Returns positions [F, 2] in pixels and `held` [F]. The first frame is always at `start`.
    """
    xy = np.tile(start, (frames, 1)).astype(np.float64)
    held = np.zeros(frames, bool)
    take = int(rng.integers(0, 6)) if rng.random() < 0.7 else int(rng.integers(0, max(1, frames // 2)))
    take = min(take, frames - 1)
    release = frames if rng.random() < 0.6 else int(rng.integers(take + 8, frames + 8))
    held[take:release] = True
    here, now, end = xy[take].copy(), take, min(release, frames)
    while now < end:
        kind = rng.choice(["move", "jerk", "circle", "pause"], p=[0.55, 0.12, 0.15, 0.18])
        span, leg = _leg(rng, kind, here, width, height)
        span = max(2, span)
        part = leg(np.arange(1, span + 1) / span)
        stop = min(end, now + span)
        xy[now:stop] = part[: stop - now]
        here, now = xy[stop - 1].copy(), stop
    xy[end:] = here
    return xy, held


def _leg(
    rng: Rng, kind: str, here: Array, width: float, height: float
) -> tuple[int, Callable[[Array], Array]]:
    """One stretch of a drag: its length in frames and a function from progress 0..1 to positions."""
    if kind == "pause":
        return int(rng.integers(3, 10)), lambda k: np.tile(here, (len(k), 1))
    if kind == "circle":
        radius = rng.uniform(0.06, 0.2) * height
        phase, sense = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
        turns = rng.uniform(0.5, 1.5)
        centre = here - radius * np.array([np.cos(phase), np.sin(phase)])
        speed = rng.uniform(2.0, 9.0)  # pixels a frame along the circle
        span = int(np.clip(2 * np.pi * radius * turns / speed, 6, 48))

        def around(k: Array) -> Array:
            angle = phase + sense * turns * 2 * np.pi * k
            return centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1)

        return span, around
    target = np.array([rng.uniform(0.06, 0.94) * width, rng.uniform(0.1, 0.92) * height])
    if kind == "jerk":
        target = np.clip(here + rng.normal(0, 0.15 * height, 2), [0, 0], [width, height])
    distance = float(np.linalg.norm(target - here))
    speed = rng.uniform(8, 16) if kind == "jerk" else rng.uniform(1.5, 9)
    span = int(np.clip(distance / speed, 3, 60))
    bend = rng.normal(0, 0.18, 2) * distance

    def along(k: Array) -> Array:
        e = ease(k)[:, None]
        made: Array = here + (target - here) * e + bend * np.sin(np.pi * e)
        return made

    return span, along


def drift(rng: Rng, frames: int, start: Array) -> Array:
    """An object that nobody holds: mostly it rests, sometimes it glides or bobs. Positions [F, 2]."""
    t = np.arange(frames)[:, None]
    kind = rng.choice(["rest", "glide", "bob"], p=[0.65, 0.2, 0.15])
    if kind == "glide":
        angle = rng.uniform(0, 2 * np.pi)
        made: Array = start + t * rng.uniform(0.4, 2.0) * np.array([np.cos(angle), 0.3 * np.sin(angle)])
        return made
    if kind == "bob":
        wave = np.sin(2 * np.pi * t / rng.uniform(16, 40)) * rng.uniform(1.5, 6)
        made = start + wave * np.array([0.2, 1.0])
        return made
    return np.tile(start, (frames, 1)).astype(np.float64)


def smooth_walk(rng: Rng, frames: int, scale: float) -> Array:
    """A slow random curve [F] that starts at 0 and reaches about `scale`."""
    knots = np.concatenate([[0.0], rng.normal(0, 1, 4).cumsum()])
    at = np.linspace(0, len(knots) - 1, frames)
    left = np.clip(at.astype(int), 0, len(knots) - 2)
    k = ease(at - left)
    made: Array = scale * (knots[left] * (1 - k) + knots[left + 1] * k) * 0.6
    return made


def still(frames: int) -> Array:
    """A camera that does not move, as transforms [F, 2, 3]."""
    return np.tile(np.eye(2, 3), (frames, 1, 1))


def camera(rng: Rng, frames: int, width: float, height: float) -> Array:
    """World-to-frame transforms [F, 2, 3] in pixels; the first is the identity. Six clips in ten stand
    still.
    """
    pan = np.zeros((frames, 2))
    zoom, roll = np.zeros(frames), np.zeros(frames)
    if rng.random() < 0.4:
        kind = rng.choice(["pan", "zoom", "both", "shake"], p=[0.5, 0.2, 0.2, 0.1])
        if kind in ("pan", "both"):
            pan = np.stack(
                [smooth_walk(rng, frames, 0.22 * width), smooth_walk(rng, frames, 0.08 * height)], 1
            )
        if kind in ("zoom", "both"):
            zoom = smooth_walk(rng, frames, 0.14)
            roll = smooth_walk(rng, frames, 0.05) if rng.random() < 0.4 else roll
        if kind == "shake":
            pan = np.cumsum(rng.normal(0, 0.8, (frames, 2)), 0)
            pan[0] = 0
    zoom = np.exp(np.clip(zoom, -0.28, 0.35))
    cos, sin = np.cos(roll) * zoom, np.sin(roll) * zoom
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)  # [F, 2, 2]
    centre = np.array([width / 2, height / 2])
    offset = centre - np.einsum("fij,fj->fi", linear, centre + pan)
    return np.concatenate([linear, offset[..., None]], -1)
