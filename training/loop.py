"""The loop around a stage: limits, checkpoints, resuming, Ctrl-C, contact sheets, one line of progress."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from flowbrush.training.config import STAGES, StageConfig
from flowbrush.training.distributed import seed_torch
from flowbrush.training.progress import Progress
from flowbrush.training.stages.base import Context, Stage


class Interrupted(RuntimeError):
    """Somebody pressed Ctrl-C; everything was saved."""


@dataclass(frozen=True)
class Limits:
    """A stage ends after `steps` steps or `seconds`, counted from its very beginning; 0 is no limit of
    that kind.
    """

    steps: int
    seconds: float

    @classmethod
    def of(cls, config: StageConfig, steps: int | None, minutes: float | None) -> Limits:
        """Those given on the command line, else the recipe's."""
        if steps is None and minutes is None:
            return cls(config.steps, 60 * config.minutes)
        return cls(steps or 0, 60 * (minutes or 0.0))

    def progress(self, step: int, elapsed: float) -> float:
        """0..1; 1 is the end."""
        by_step = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_step, elapsed / self.seconds if self.seconds else 0.0))

    def left(self, step: int, elapsed: float) -> float:
        """About how many seconds remain."""
        by_step = (self.steps - step) * elapsed / step if self.steps else float("inf")
        return max(0.0, min(by_step, self.seconds - elapsed if self.seconds else float("inf")))


@dataclass
class Outcome:
    """A row of the table at the end."""

    stage: str
    steps: int
    seconds: float
    numbers: dict[str, float]


def train(context: Context, kind: type[Stage], limits: Limits) -> Outcome:
    """Runs a stage from where it was left to its limits. Raises Interrupted after Ctrl-C, when all has
    been saved.
    """
    name, run = kind.name, context.run
    saved = run.load(name) if run.has(name) else None
    if saved and limits.progress(saved["step"], saved["elapsed"]) >= 1:
        return Outcome(name, saved["step"], saved["elapsed"], {})
    return _Loop(context, kind(context), limits).go()


class _Loop:
    def __init__(self, context: Context, stage: Stage, limits: Limits) -> None:
        self.context, self.stage, self.limits = context, stage, limits
        self.step, self.before = 0, 0.0
        if context.run.has(stage.name):
            saved = context.run.load(stage.name)
            stage.restore(saved)
            self.step, self.before = saved["step"], saved["elapsed"]
        self.started = self.saved = self.shown = time.monotonic()
        self.interrupted = False
        self.progress = Progress(stage.name, quiet=not context.workers.first)

    @property
    def elapsed(self) -> float:
        return self.before + time.monotonic() - self.started

    def go(self) -> Outcome:
        self.stage.begin(self.step)
        try:
            with _on_interrupt(self._interrupt):
                while not self._agreed_to_stop():
                    self._one_step()
                    self._keep()
                self._save()
        finally:
            self.stage.end()
        self.progress.end()
        if self.context.workers.agree(self.interrupted):
            raise Interrupted(
                f"{self.stage.name} was interrupted after step {self.step}; the same command goes on"
            )
        self._sheet()
        return Outcome(self.stage.name, self.step, self.elapsed, self.progress.means())

    def _one_step(self) -> None:
        recipe, workers = self.context.recipe, self.context.workers
        seed_torch(recipe.seed, STAGES.index(self.stage.name), 1 + workers.rank, self.step)
        share = workers.share(self.limits.progress(self.step, self.elapsed))
        numbers = self.stage.update(self.step, share)
        self.step += 1
        elapsed = self.elapsed
        rounded = {key: float(f"{value:.6g}") for key, value in numbers.items() if math.isfinite(value)}
        self.context.run.log(
            {"stage": self.stage.name, "step": self.step, "seconds": round(elapsed, 2), **rounded}
        )
        self.progress.step(self.step, numbers, elapsed, self.limits.left(self.step, elapsed))

    def _agreed_to_stop(self) -> bool:
        ended = self.limits.progress(self.step, self.elapsed) >= 1
        return self.context.workers.agree(ended or self.interrupted)

    def _interrupt(self) -> None:
        self.interrupted = True

    def _keep(self) -> None:
        """Saves and shows what is made every so often."""
        recipe, now = self.context.recipe, time.monotonic()
        if now - self.saved > 60 * recipe.save_minutes:
            self._save()
        if now - self.shown > 60 * recipe.sheet_minutes:
            self._sheet()

    def _save(self) -> None:
        if self.context.workers.first:
            state = {**self.stage.state(), "step": self.step, "elapsed": self.elapsed}
            self.context.run.save(self.stage.name, state)
        self.saved = time.monotonic()

    def _sheet(self) -> None:
        if self.context.workers.first:
            self.stage.sheet(self.context.run.sheet(self.stage.name, self.step))
        self.shown = time.monotonic()


@contextmanager
def _on_interrupt(note: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) is noted, the second one ends the program at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        note()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
