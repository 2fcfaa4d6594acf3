"""Threads for what may wait for a disk, so that nobody else waits for it: in order within a lane, side by side between lanes.

A lane is one writer's files (a session's). What hangs holds up its own lane and one thread; whoever waits for it hears that it
is late. A call that hangs cannot be ended: its thread is a daemon, so that the process can end all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

LATE_S = 5.0
"""A disk that has not answered within this does not answer: whoever waits goes on without."""

THREADS = 32
WAITING = 64
"""So much may wait in one lane."""

Done = Callable[[Any, Exception | None], None]
"""Told in the event loop what the work returned, or what it failed with."""


class StorageLate(OSError):
    """The disk does not answer."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.ETIMEDOUT, text)

    def __str__(self) -> str:
        return str(self.strerror)


class StorageRefuses(OSError):
    """The disk answers, but gives nothing: a folder without permission, or with something else in its place."""


@dataclass
class _Job:
    loop: asyncio.AbstractEventLoop
    work: Callable[[], Any]
    done: Done | None
    since: float
    wanted: bool = True

    def run(self) -> None:
        result, failure = None, None
        try:
            result = self.work()
        except Exception as error:
            failure = error
        if self.done is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server is gone
                self.loop.call_soon_threadsafe(self.done, result, failure)
        elif failure is not None:
            log.warning("something was not done with files: %s", failure)


class Storage:
    """Used from the event loop."""

    def __init__(self, threads: int = THREADS, late_s: float = LATE_S) -> None:
        """At most `threads` are at work, those that hang included."""
        self._most, self._late_s = threads, late_s
        self._changed = threading.Condition()
        self._lanes: dict[str, deque[_Job]] = {}
        """the first of a lane is under way, or the next to be"""
        self._ready: deque[str] = deque()
        self._threads = self._idle = 0
        self._answered = time.monotonic()

    def submit(
        self,
        lane: str,
        work: Callable[[], Any],
        done: Done | None = None,
        late: Callable[[], None] | None = None,
        always: bool = False,
    ) -> None:
        """Has `work` done after all that was given to the lane before; `late` is called once if it is not done in time.

        Raises StorageLate when too much waits in the lane already, unless it is to be done `always`.
        """
        loop = asyncio.get_running_loop()
        job = _Job(loop, work, done, time.monotonic())
        if late is not None:
            timer = loop.call_later(self._late_s, late)

            def in_time(result: Any, error: Exception | None) -> None:
                timer.cancel()
                if done is not None:
                    done(result, error)

            job.done = in_time
        self._put(lane, job, always)

    async def run(self, lane: str, work: Callable[[], T], within_s: float | None = None) -> T:
        """What `work` returns. Raises what it raises, and StorageLate after `within_s` (else the usual time)."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        job = _Job(loop, work, lambda result, error: _settle(answer, result, error), time.monotonic())
        self._put(lane, job, False)
        patience_s = self._late_s if within_s is None else within_s
        try:
            if not (await asyncio.wait([answer], timeout=patience_s))[0]:
                raise StorageLate(f"the disk has not answered for {patience_s:g} s")
            return answer.result()
        finally:  # nobody waits any more: what was not begun is not done
            job.wanted = answer.done()
            answer.cancel()

    async def stream(self, lane: str, blocks: Iterator[T]) -> AsyncIterator[T]:
        """The blocks, each read when it is wanted. Raises what reading raises, and StorageLate."""
        end = object()
        try:
            while (block := await self.run(lane, lambda: next(blocks, end))) is not end:
                yield block  # type: ignore[misc]
        finally:
            close = getattr(blocks, "close", None)
            if close is not None:
                self.submit(lane, close, always=True)

    async def settled(self, lane: str, within_s: float | None = None) -> None:
        """Waits until all that was given to the lane so far is done. Raises StorageLate where that takes too long."""
        await self.run(lane, lambda: None, within_s)

    async def drained(self, within_s: float) -> None:
        """Waits until nothing is left to do, but no longer than that."""
        until = time.monotonic() + within_s
        while self.lanes and time.monotonic() < until:
            waiting = [self.settled(lane, until - time.monotonic()) for lane in self.lanes]
            await asyncio.gather(*waiting, return_exceptions=True)

    @property
    def lanes(self) -> set[str]:
        """The lanes in which something is to be done."""
        with self._changed:
            return set(self._lanes)

    @property
    def silent_s(self) -> float:
        """For how long the disk has answered nobody, although somebody waits (seconds)."""
        with self._changed:
            since = min((jobs[0].since for jobs in self._lanes.values()), default=None)
            return 0.0 if since is None else time.monotonic() - max(since, self._answered)

    @property
    def hangs(self) -> bool:
        """Whether it has answered nobody for too long."""
        return self.silent_s > self._late_s

    # ---- threads

    def _put(self, lane: str, job: _Job, always: bool) -> None:
        with self._changed:
            jobs = self._lanes.get(lane)
            if jobs is None:
                self._lanes[lane] = deque([job])
                self._ready.append(lane)
                self._wake()
            elif len(jobs) < WAITING or always:
                jobs.append(job)
            else:
                raise StorageLate(f"{len(jobs)} calls wait for the disk already")

    def _wake(self) -> None:
        if len(self._ready) > self._idle and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._work, name="storage", daemon=True).start()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            lane, job = self._next()
            if job.wanted:
                job.run()
            with self._changed:
                self._answered = time.monotonic()
                jobs = self._lanes[lane]
                jobs.popleft()
                if jobs:
                    jobs[0].since = max(jobs[0].since, self._answered)
                    self._ready.append(lane)
                else:
                    del self._lanes[lane]

    def _next(self) -> tuple[str, _Job]:
        with self._changed:
            self._idle += 1
            while not self._ready:
                self._changed.wait()
            self._idle -= 1
            lane = self._ready.popleft()
            return lane, self._lanes[lane][0]


def _settle(answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
