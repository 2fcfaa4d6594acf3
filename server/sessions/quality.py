"""What a stream gets while the server has more to do than it can: fewer denoising steps, then fewer chunks. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from typing import Any

from flowbrush.protocol import Control, Notice, StepsSet
from flowbrush.server.sessions.effects import Count, Say

JUDGED_CHUNKS, SLOW_CHUNKS, FEW_SLOW = 12, 8, 2
"""Quality can go down by a level when so many of so many chunks were slow, and up when no more than a few were."""

RATES = (0.75, 0.5)
"""Shares of real time that a stream is made at when it has no steps left to do without."""

MOST_PATIENCE = 192
"""Chunks that a better level is waited for at the most: who has made way for others finds within a minute that they are gone."""

RELAPSE = 4
"""A level that had to be taken back soon (before so many times the chunks that it was waited for) is waited for twice as long."""


class Quality:
    """One stream's levels, from all that it asked for (0) downwards."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._levels: list[tuple[int, float]] = [(1, 1.0)]
        """denoising steps, share of real time"""
        self.level = 0
        self._slow: deque[bool] = deque(maxlen=JUDGED_CHUNKS)
        self._since = 0
        """chunks since the level changed"""
        self._patience = JUDGED_CHUNKS
        self._raised = False
        self._in_log: int | None = None
        """the limit of steps that the log has last, where that is known"""
        self._log_known = True
        self._noted = False
        """whether the log has ever had one"""

    # ---- what it is

    @property
    def steps(self) -> int:
        """Denoising steps of a chunk."""
        return self._levels[self.level][0]

    @property
    def rate(self) -> float:
        """The share of real time that it is made at."""
        return self._levels[self.level][1]

    @property
    def growth(self) -> float:
        """How many times the work of now the next better level is; 1 where there is none, or not yet.

        A chunk costs a pass for each step and one more, with which later chunks see it.
        """
        if self.level == 0 or sum(self._slow) > FEW_SLOW or self._since < self._patience:
            return 1.0
        steps, rate = self._levels[self.level - 1]
        return (steps + 1) / (self.steps + 1) * rate / self.rate

    @property
    def strained(self) -> bool:
        """Whether its chunks are slow most of the time, and there is something left to do without."""
        return sum(self._slow) >= SLOW_CHUNKS and self.level + 1 < len(self._levels)

    # ---- what changes it

    def serve(self, steps: int, fewest: int) -> None:
        """It is served by a model; with nothing to hold it down it takes `steps` steps, and never fewer than `fewest`."""
        found = [steps]
        while found[-1] > fewest:
            found.append(max(fewest, (found[-1] + 1) // 2))
        self._levels = [(each, 1.0) for each in found] + [(found[-1], rate) for rate in RATES]
        self.level = min(self.level, len(self._levels) - 1)

    def made(self, slow: bool) -> None:
        """A chunk was made, and whether the viewer had to wait for it longer than it shows."""
        self._slow.append(slow)
        self._since += 1

    def overload(self) -> list[Any]:
        """The worker has more to do than it can, and this stream is one reason."""
        if not self.strained:
            return []
        relapse = self._raised and self._since < RELAPSE * self._patience
        self._patience = min(2 * self._patience, MOST_PATIENCE) if relapse else JUDGED_CHUNKS
        first = self.level == 0
        self._to(self.level + 1)
        text = f"the server has more to do than it can: {self._difference()}"
        said = Say(Notice(code="quality_lowered", message=text))
        return [said, Count("overloads")] if first else [said]

    def room(self) -> list[Any]:
        """There is room for the next better level."""
        if self.growth == 1.0:
            return []
        self._to(self.level - 1)
        if self.level > 0:
            return []
        return [
            Say(Notice(code="quality_restored", message="pictures are made as they were asked for again"))
        ]

    def restart(self) -> None:
        """The stream jumps: what was slow before says nothing of what comes."""
        self._slow.clear()

    def _to(self, level: int) -> None:
        self._raised, self.level, self._since = level < self.level, level, 0
        self._slow.clear()

    def _difference(self) -> str:
        (_, before), (steps, rate) = self._levels[self.level - 1], self._levels[self.level]
        if rate < before:
            return f"{rate * self._fps:.3g} frames come a second in place of {self._fps:.3g}"
        made = "1 step" if steps == 1 else f"{steps} steps"
        return f"pictures are made in {made} in place of {self._levels[0][0]}, a little less well"

    # ---- what the log says of it

    def entry(self) -> tuple[Control, ...]:
        """What is to be noted with the next new chunk, so that whoever makes it again makes the same."""
        limit = None if self.steps == self._levels[0][0] else self.steps
        if self._log_known and limit == self._in_log:
            return ()
        self._in_log, self._log_known, self._noted = limit, True, True
        return (StepsSet(steps=limit),)

    def restored(self, controls: tuple[Control, ...]) -> None:
        """The log of an earlier process has these controls."""
        for control in controls:
            if isinstance(control, StepsSet):
                self._in_log, self._noted = control.steps, True

    def cut(self) -> None:
        """The log was cut: what its last entry is now is not known, unless it never had one."""
        self._log_known = self._log_known and not self._noted
