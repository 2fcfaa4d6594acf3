"""What a training tells the person who waits for it: one line that renews itself, a table at the end."""

from __future__ import annotations

import sys
import time
from collections import deque

import numpy as np

RENEW = 0.5  # seconds between renewals on a terminal
REPORT = 30.0  # and between lines in a log file
SPAN = 40  # steps that are averaged


def duration(seconds: float) -> str:
    """75 → "1:15", 4000 → "1:06:40"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """The line of one stage on stderr; `quiet` for processes that are not the first."""

    def __init__(self, stage: str, quiet: bool) -> None:
        self.stage, self.quiet = stage, quiet
        self.recent: deque[dict[str, float]] = deque(maxlen=SPAN)
        self.terminal, self.shown = sys.stderr.isatty(), 0.0

    def step(self, step: int, numbers: dict[str, float], elapsed: float, left: float) -> None:
        """After `step` steps and `elapsed` seconds, with about `left` seconds to go."""
        self.recent.append(numbers)
        now = time.monotonic()
        if self.quiet or now - self.shown < (RENEW if self.terminal else REPORT):
            return
        self.shown = now
        parts = "  ".join(f"{name} {value:.4g}" for name, value in self.means().items())
        times = f"{elapsed / step:.3g} s/step  {duration(elapsed)} gone, {duration(left)} left"
        text = f"{self.stage}  step {step}  {parts}  {times}"
        sys.stderr.write(f"\r\x1b[2K{text}" if self.terminal else text + "\n")
        sys.stderr.flush()

    def means(self) -> dict[str, float]:
        """Means of the last steps, of every number that there is."""
        names = dict.fromkeys(name for numbers in self.recent for name in numbers)
        values = {
            name: [n[name] for n in self.recent if name in n and not np.isnan(n[name])] for name in names
        }
        return {name: float(np.mean(found)) for name, found in values.items() if found}

    def end(self) -> None:
        if not self.quiet and self.terminal:
            sys.stderr.write("\r\x1b[2K")


def table(rows: list[tuple[str, int, float, dict[str, float]]]) -> str:
    """Stages, their steps, time and last losses, in columns."""
    lines = [("stage", "steps", "time", "at the end (mean of the last steps)")]
    lines += [
        (stage, str(steps), duration(seconds), "  ".join(f"{k} {v:.4g}" for k, v in numbers.items()))
        for stage, steps, seconds, numbers in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), line[1].rjust(widths[1]), line[2].rjust(widths[2]), line[3]])
        for line in lines
    )
