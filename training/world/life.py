"""What a gait is made of: the distance gone, time, and springs that trail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowbrush.training.world.bodies import HASTE, Base
from flowbrush.training.world.verbs import Doing

Rng = np.random.Generator
Array = np.ndarray
CYCLE = 2 * np.pi
QUICKEST = 0.65  # radians a frame: about five frames a step


SOFTNESS = {"stiff": 0.7, "vehicle": 0.5, "boat": 0.7, "soft": 1.25, "cut-out": 1.2}
"""Kind of body → how far its loose parts trail, against others."""


@dataclass
class Life:
    """A thing over F frames: `time` [F], the distance `gone` [F] in pixels, the `way` [F] that it goes (-1..1, right is 1), how
    much it is under way, `going` [F] 0..1, its `spring` [F, 2] (how far loose parts trail, pixels), and `led` [F] by a hand.
    """

    rng: Rng
    size: float
    time: Array
    gone: Array
    way: Array
    going: Array
    spring: Array
    led: Array
    haste: float
    action: str

    def beat(self, period: float, spread: float = 0.2) -> Array:
        """Angles [F] that go round once in about `period` frames, from anywhere."""
        pace = period / self.haste * self.rng.uniform(1 - spread, 1 + spread)
        return CYCLE * (self.time / pace + self.rng.random())

    def stride(self, length: float) -> Array:
        """Angles [F] that go half round with every `length` sizes gone; at great speed strides grow longer, not ever quicker."""
        pace = np.pi * np.diff(self.gone, prepend=0.0) / (length * self.size)
        return np.cumsum(QUICKEST * np.tanh(pace / QUICKEST)) + np.pi * self.rng.random()

    def high(self, part: float, low: float, top: float) -> float:
        """`part` of the size, within limits in pixels, a little different each time."""
        return float(np.clip(part * self.size, low, top) * self.rng.uniform(0.85, 1.15))


def life_of(rng: Rng, kind: str, doing: Doing | None, base: Base, size: float) -> Life:
    """The life of a thing of this kind and size (pixels) along its base path."""
    frames = len(base.step)
    speed = _eased(np.linalg.norm(base.step, axis=1), 0.45)
    led = np.repeat(base.held, frames // len(base.held))
    grounded = (base.air < 2.0) | led
    return Life(
        rng=rng,
        size=size,
        time=np.arange(frames, dtype=float),
        gone=np.cumsum(speed * grounded),
        way=np.tanh(_eased(base.step[:, 0], 0.4) / 0.6),
        going=np.clip((speed - 0.25) / 0.8, 0, 1) * _eased(grounded.astype(float), 0.5),
        spring=_springs(base.step, 0.2 * size, SOFTNESS.get(kind, 1.0)),
        led=led,
        haste=HASTE[doing.manner] ** 0.5 if doing else 1.0,
        action=doing.action if doing else "",
    )


def _eased(values: Array, rate: float) -> Array:
    result, now = np.empty(len(values)), float(values[0]) if len(values) else 0.0
    for f, value in enumerate(values):
        now += rate * (float(value) - now)
        result[f] = now
    return result


def _springs(step: Array, limit: float, softness: float) -> Array:
    """How far loose parts trail [F, 2]: a damped spring pulled by what the body's speed changes by."""
    result, at, speed, before = np.zeros_like(step), np.zeros(2), np.zeros(2), step[0]
    for f, now in enumerate(step):
        speed += -0.16 * at - 0.3 * speed - 0.75 * softness * (now - before)
        at = at + speed
        before = now
        result[f] = limit * np.tanh(at / limit)
    return result
