"""Which streams of a busy worker have to do with less, and which can have more again. No I/O, no clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOAD_S = 3.0
"""Over about so many seconds a worker's load is taken: a single long order, in which a prompt is read, is no busy worker yet."""

BUSY, ROOM = 0.8, 0.85
"""Shares of its time: a worker with more to do is why chunks are slow; one that would have no more can give a better quality."""

FAIR = 0.5
"""A stream that takes less than this part of an even share is not why a worker is busy."""


class Load:
    """The share of its time that a worker spends on orders."""

    def __init__(self) -> None:
        self.share = 0.0
        """0 is idle, 1 is busy all the time; as it was when the last order ended"""
        self._at: float | None = None

    def add(self, spent_s: float, now: float) -> None:
        """An order that took so long is done."""
        since_s = spent_s if self._at is None else max(spent_s, now - self._at)
        if since_s > 0:
            self.share += (1 - math.exp(-since_s / LOAD_S)) * (spent_s / since_s - self.share)
        self._at = now


@dataclass(frozen=True)
class Demand:
    """What a stream takes of its worker's time (`share`), whether its chunks are slow (`strained`), how many times its share the
    next better quality would take (`growth`, 1 where it wants none), and how much it does without now (`level`).
    """

    session: str
    share: float
    strained: bool
    growth: float
    level: int


def overloaded(load: float, demands: Sequence[Demand]) -> list[str]:
    """The sessions that have to do with less: those that are slow because of what they and their like ask for."""
    if load < BUSY:
        return []
    fair = FAIR / max(1, len(demands))
    return [each.session for each in demands if each.strained and each.share >= fair]


def better_off(load: float, demands: Sequence[Demand]) -> str | None:
    """The session that gets something back: of those for whose better quality there is room the one that does without most."""
    fitting = [each for each in demands if each.growth > 1 and load + each.share * (each.growth - 1) <= ROOM]
    return max(fitting, key=lambda each: each.level).session if fitting else None
