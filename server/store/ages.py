"""How old files are, whatever is done to the system's clock meanwhile.

A file's time is the system's clock as it was when the file was written, and that may be set: by a network's time after a
start without one, by somebody who mistypes a date. So a file's birth is kept on a clock that nobody sets, and only ever
corrected to be later: a step forward makes no file older, one back makes it younger, at most as if it were new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def steady_s() -> float:
    """Seconds that pass, also while the machine sleeps, where the system tells that; nobody sets them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Ages:
    """Of the files that it is shown again and again."""

    def __init__(self, now: Callable[[], float], steady: Callable[[], float] = steady_s) -> None:
        """`now`: the clock by which the files' times are, in seconds since 1970."""
        self._now, self._steady = now, steady
        self._born: dict[str, tuple[float, float]] = {}
        """name → its time, and when it was written at the earliest by the steady clock"""
        self._looked: float | None = None
        """when, by that clock"""

    def look(self, times: Mapping[str, float]) -> dict[str, float]:
        """The ages (seconds) of those that were there at the last look, too; `times` is of all, by name (seconds since 1970)."""
        now, steady = self._now(), self._steady()
        before, self._born = self._born, {}
        looked, self._looked = self._looked, steady
        ages: dict[str, float] = {}
        for name, at in times.items():
            born = steady - max(0.0, now - at)
            known = before.get(name)
            if known is not None and known[0] == at:
                born = known[1] if at > now else max(born, known[1])  # a time of the future says nothing
                ages[name] = steady - born
            elif looked is not None:  # it is newer than that look
                born = max(born, looked)
            self._born[name] = at, born
        return ages
