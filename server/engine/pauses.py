"""Time in which a process did not run, because it or its machine was stopped: what others did meanwhile no clock tells."""

from __future__ import annotations

LATE_S = 1.0
"""So late everything is now and then on a busy machine; who is later did not run."""


class Pauses:
    """For who looks at a clock every so often."""

    def __init__(self, every_s: float, now: float) -> None:
        """It looks every `every_s` seconds, for the first time `now`."""
        self._every_s = every_s
        self._looked = now

    def missed_s(self, now: float) -> float:
        """For how long this process did not run since the last look (seconds); 0 where it did."""
        late_s = now - self._looked - self._every_s
        self._looked = now
        return late_s if late_s > LATE_S else 0.0
