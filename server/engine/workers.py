"""The workers: kept alive, replaced when they are lost, asked for again for as long as none can be had."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from flowbrush.server.engine.balance import Load
from flowbrush.server.engine.scheduler import Account

log = logging.getLogger(__name__)

BACK_OFF_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)


class Timer(Protocol):
    """What is needed of an event loop."""

    def time(self) -> float: ...
    def call_soon(self, function: Callable[..., Any], *args: Any) -> Any: ...
    def call_at(self, when: float, function: Callable[..., Any], *args: Any) -> Any: ...


class Lost:
    """The worker is gone, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Leaving:
    """The worker's place is to be given up, and why. It still works: its streams should move before it ends."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Process(Protocol):
    """What is needed of one worker: `watched` has it."""

    name: str
    loaded: bool

    @property
    def where(self) -> str: ...
    def send(self, order: Any) -> None: ...
    def kill(self, reason: str) -> None: ...
    def retire(self) -> None: ...
    async def quit(self, timeout_s: float) -> None: ...


Handler = Callable[[Any, Any], None]
"""Takes a worker and its message, the last of which is Lost."""

Spawn = Callable[[str, Handler], Process]
"""Starts the worker of that name, whose messages go to a handler. Raises OSError."""


@dataclass
class Worker:
    """A worker and what it is doing."""

    process: Process
    slots: int = 0
    batch_s: float = 0.0
    order: dict[str, int] | None = None
    """session → epoch of the order under way; None while it is idle"""
    making: bool = False
    """whether that order is for chunks"""
    timer: Any = None
    account: Account = field(default_factory=Account)
    load: Load = field(default_factory=Load)
    curious_since: float | None = None
    """since when somebody waits to see what a hand would take while chunks come first; None while nobody does"""
    offered: float = 0.0
    """when room was last offered to one of its streams"""
    leaving: str = ""
    """why it is to go, if it is"""

    @property
    def name(self) -> str:
        return self.process.name


class Workers:
    """As many as are wanted, as far as there is room for them."""

    def __init__(
        self, spawn: Spawn, on_message: Callable[[Worker, Any], None], on_lost: Callable[[Worker, str], None]
    ) -> None:
        """`on_message` and `on_lost` hear of every worker that is among them; a lost one no longer is."""
        self._spawn_process = spawn
        self._on_message = on_message
        self._on_lost = on_lost
        self._numbers = itertools.count()
        self._failures = 0
        self._stopping = False
        self._timer: Timer | None = None
        self.all: dict[str, Worker] = {}
        self.planned = 0
        """how many will be started after a pause"""
        self._since = 0.0

    def start(self, count: int, timer: Timer) -> None:
        """Starts `count` workers."""
        self._timer, self._since = timer, timer.time()
        for _ in range(count):
            self._spawn()

    def stopping(self) -> list[Worker]:
        """The server stops: no more are started, and none that ends is missed. Returns those that are left."""
        self._stopping = True
        return list(self.all.values())

    def missing_s(self) -> float:
        """For how long there has been no worker that is warm (seconds); 0 while there is one, or none is wanted."""
        wanted = bool(self.all) or self.planned > 0
        if self._timer is None or not wanted or any(worker.process.loaded for worker in self.all.values()):
            return 0.0
        return self._timer.time() - self._since

    def grow(self) -> None:
        """One more."""
        assert self._timer is not None
        if not any(worker.process.loaded for worker in self.all.values()):
            self._since = self._timer.time()
        self._spawn()

    def retire(self, worker: Worker) -> None:
        """It has no streams any more, and ends; it is not replaced."""
        log.info("%s ends: %s", worker.name, worker.leaving)
        self._forget(worker)
        worker.process.retire()

    def loaded(self) -> None:
        """A worker is warm."""
        self._failures = 0

    def _spawn(self) -> None:
        if self._stopping:
            return
        try:
            process = self._spawn_process(f"worker-{next(self._numbers)}", self._handle)
        except OSError as error:
            log.error("no worker can be started: %s", error)
            self._failures += 1
            self._again()
            return
        self.all[process.name] = Worker(process)
        log.info("%s starts as %s", process.name, process.where)

    def _again(self) -> None:
        assert self._timer is not None
        delay = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self.planned += 1
        self._timer.call_at(self._timer.time() + delay, self._start_planned)

    def _start_planned(self) -> None:
        self.planned -= 1
        self._spawn()

    def _handle(self, process: Process, message: Any) -> None:
        worker = self.all.get(process.name)
        if worker is None:
            return
        if not isinstance(message, Lost):
            self._on_message(worker, message)
            return
        if self._stopping:
            return
        log.error("%s is lost: %s", worker.name, message.reason)
        assert self._timer is not None
        self._forget(worker)
        if not worker.process.loaded:
            self._failures += 1
        if not worker.leaving:  # else there is another in its place
            self._again()
        self._on_lost(worker, message.reason)

    def _forget(self, worker: Worker) -> None:
        assert self._timer is not None
        del self.all[worker.name]
        if worker.timer is not None:
            worker.timer.cancel()
        if worker.process.loaded and not any(other.process.loaded for other in self.all.values()):
            self._since = self._timer.time()
