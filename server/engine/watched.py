"""A worker as the dispatcher has it, whatever engine it is of: orders, results, and a watch that declares it lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowbrush.server.engine import ipc
from flowbrush.server.engine.engine import Engine
from flowbrush.server.engine.pauses import Pauses
from flowbrush.server.engine.workers import Handler, Leaving, Lost, Spawn
from flowbrush.server.settings import Settings
from flowbrush.server.supervise import supervise

WATCH_S = 0.25
RETIRE_S = 5.0
LATE_S = 1.0
"""By so much a busy machine may delay what a worker says twice a second."""


@dataclass(frozen=True)
class Patience:
    """How long (seconds) a worker may take to load, take for one order, and be silent."""

    load_s: float
    busy_s: float
    silent_s: float


class WatchedWorker:
    """Its messages, and one Lost at the end, go to `handler` in the event loop."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        config: ipc.WorkerConfig,
        handler: Handler,
        patience: Patience,
        failed: Callable[[], object],
    ) -> None:
        """`failed` is told where the watch itself fails, and starts again. Raises OSError when the engine has no room for it."""
        self.name = name
        self._handler = handler
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self.loaded = False
        self.lost = False
        self._quitting = False
        self._started = self._heard = time.monotonic()
        self._busy_s = 0.0
        self._channel = engine.start(
            name,
            config,
            lambda message: self._post(self._on_message, message),
            lambda reason: self._post(self._on_lost, reason),
        )
        self._watcher = self._loop.create_task(supervise(f"the watch of {name}", self._watch, failed))

    @property
    def where(self) -> str:
        """What it is and where it runs."""
        return self._channel.where

    def send(self, order: Any) -> None:
        """Gives the worker an order."""
        self._channel.send(order)

    def _post(self, function: Callable[[Any], None], argument: Any) -> bool:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server is gone
            self._loop.call_soon_threadsafe(function, argument)
            return True
        return False

    def _on_message(self, message: Any) -> None:
        if isinstance(message, Leaving):
            if not self.lost:
                self._handler(self, message)
            return
        self._heard = time.monotonic()
        if isinstance(message, ipc.Beat):
            self._busy_s = message.busy_s
            return
        if isinstance(message, ipc.Loaded):
            self.loaded = True
        if not self.lost:
            self._handler(self, message)

    def _on_lost(self, reason: str) -> None:
        if self.lost:
            return
        self.lost = True
        self._watcher.cancel()
        self._channel.kill()
        if not self._quitting:
            self._handler(self, Lost(reason))

    async def _watch(self) -> None:
        """Declares a worker lost that is silent or busy for too long, without waiting for its end."""
        limits, pauses = self._patience, Pauses(WATCH_S, time.monotonic())
        while not self.lost:
            await asyncio.sleep(WATCH_S)
            now = time.monotonic()
            missed_s = pauses.missed_s(
                now
            )  # while nobody listened nobody was silent: what it said is yet to be read
            self._started, self._heard = self._started + missed_s, self._heard + missed_s
            if not self.loaded:
                if now - self._started > limits.load_s:
                    self._on_lost(f"it did not load within {limits.load_s:g} s")
            elif self._busy_s > limits.busy_s:
                self._on_lost(f"it hung: {self._busy_s:.0f} s for one order")
            elif now - self._heard > limits.silent_s:
                self._on_lost(f"it was silent for {limits.silent_s:g} s")

    def kill(self, reason: str) -> None:
        """Ends the worker at once; Lost follows."""
        self._on_lost(reason)

    def retire(self) -> None:
        """Has the worker end, without a word."""
        self._retiring = self._loop.create_task(self.quit(RETIRE_S))

    async def quit(self, timeout_s: float) -> None:
        """Asks the worker to end and waits; kills it when it does not, and one that still loads, which hears nothing, at once."""
        self._quitting = True
        self._watcher.cancel()
        if self.loaded:
            self.send(ipc.Quit())
        else:
            self._channel.kill()
        ended = await self._channel.join(timeout_s)
        self._channel.kill()
        if not ended:
            await self._channel.join(timeout_s)
        self.lost = True


def spawner(engine: Engine, settings: Settings, model: str, failed: Callable[[], object]) -> Spawn:
    """Starts workers of `engine` as the settings say, named by their model where there are several; `failed` is told of faults in
    watching them.
    """
    prefix = f"{model}-" if len(settings.models) > 1 else ""
    config = ipc.WorkerConfig(
        settings.loader,
        model,
        settings.device,
        settings.seats,
        settings.threads,
        settings.log_level,
        settings.log_json,
        settings.attention,
        settings.compile,
        settings.fp8,
        settings.drag,
        stage_s=settings.chunk_timeout_s,
    )
    patience = patience_of(settings)
    return lambda name, handler: WatchedWorker(prefix + name, engine, config, handler, patience, failed)


def patience_of(settings: Settings) -> Patience:
    """As the settings say. One that says nothing is not waited for much longer than one that says that it is at its work."""
    silent_s = min(settings.beat_timeout_s, settings.chunk_timeout_s + LATE_S)
    return Patience(settings.load_timeout_s, settings.chunk_timeout_s, silent_s)
