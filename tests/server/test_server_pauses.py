"""A server that stood still (its container was paused, its machine slept) does not hold that against its workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server import supervise
from flowbrush.server.engine import ipc, watched, worker
from flowbrush.server.engine.pauses import LATE_S, Pauses
from flowbrush.server.engine.watched import Patience, WatchedWorker, patience_of
from flowbrush.server.engine.worker import Worker
from flowbrush.server.settings import Settings

EVERY_S, SILENT_S = 0.25, 15.0


def test_who_looks_in_time_or_a_little_late_has_missed_nothing() -> None:
    pauses = Pauses(EVERY_S, 0.0)
    assert pauses.missed_s(EVERY_S) == 0
    assert pauses.missed_s(3 * EVERY_S + LATE_S / 2) == 0
    assert pauses.missed_s(100.0) == pytest.approx(100.0 - 4 * EVERY_S - LATE_S / 2)
    assert pauses.missed_s(100.0 + EVERY_S) == 0


@pytest.mark.parametrize(("late_s", "missed_s"), [(0.7, 0.0), (1.5, 1.5)])
def test_a_busy_machine_is_late_and_one_that_stood_still_is_later(late_s: float, missed_s: float) -> None:
    assert Pauses(EVERY_S, 0.0).missed_s(EVERY_S + late_s) == pytest.approx(missed_s)


class Channel:
    where = "played"

    def send(self, order: Any) -> None: ...

    def kill(self) -> None: ...

    async def join(self, timeout_s: float) -> bool:
        return True


class Engine:
    def start(self, name: str, config: Any, received: Callable[[Any], bool], ended: Any) -> Channel:
        self.received = received
        return Channel()

    def close(self) -> None: ...


class Watch:
    """A worker that is watched, by a clock that goes as it is told to: `look` is the watcher's next look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, patience: Patience) -> None:
        self.now, self.heard, self.failures = 0.0, list[Any](), 0
        self._looks: asyncio.Queue[None] = asyncio.Queue()
        monkeypatch.setattr(watched, "time", SimpleNamespace(monotonic=lambda: self.now))
        loop = SimpleNamespace(
            get_running_loop=asyncio.get_running_loop, sleep=lambda seconds: self._looks.get()
        )
        monkeypatch.setattr(watched, "asyncio", loop)
        self.engine = Engine()
        handler = lambda process, message: self.heard.append(message)  # noqa: E731
        self.worker = WatchedWorker("w", self.engine, None, handler, patience, self.fail)  # type: ignore[arg-type]

    def fail(self) -> None:
        self.failures += 1

    async def look(self, after_s: float) -> None:
        self.now += after_s
        self._looks.put_nowait(None)
        await self.settle()

    async def settle(self) -> None:
        """Everybody has some turns."""
        for _ in range(10):
            await asyncio.sleep(0)

    async def says(self, message: Any) -> None:
        self.engine.received(message)
        await self.settle()


@pytest.fixture
async def it(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    watch = Watch(monkeypatch, Patience(load_s=60.0, busy_s=30.0, silent_s=SILENT_S))
    await watch.settle()
    yield watch
    watch.worker._watcher.cancel()


async def test_a_worker_is_not_silent_while_nobody_listens(it: Watch) -> None:
    await it.says(ipc.Loaded({}, 1, {}, 0.05))
    await it.look(EVERY_S)
    await it.look(10 * SILENT_S)
    assert not it.worker.lost
    for _ in range(round(SILENT_S / EVERY_S) + 1):
        await it.look(EVERY_S)
    assert it.worker.lost and "it was silent for 15 s" in it.heard[-1].reason


async def test_a_worker_that_stands_still_is_waited_for_as_long_as_a_chunk_and_a_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that loads says nothing for longer: it may."""
    limits = Settings(chunk_timeout_s=3.0)
    watch = Watch(monkeypatch, patience_of(limits))
    for _ in range(60):
        await watch.look(EVERY_S)
    await watch.says(ipc.Loaded({}, 1, {}, 0.05))
    loaded = watch.now
    while not watch.worker.lost and watch.now < loaded + 60.0:
        await watch.look(EVERY_S)
    assert 3.5 <= watch.now - loaded <= 5.0
    assert patience_of(Settings()).silent_s == 15.0


async def test_a_watch_that_fails_goes_on(it: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs behind it would hold its seats for ever."""
    monkeypatch.setattr(supervise, "AGAIN_S", 0.0)
    await it.says(ipc.Loaded({}, 1, {}, 0.05))
    await it.says(ipc.Beat(None))  # type: ignore[arg-type]
    await it.look(EVERY_S)
    await it.says(ipc.Beat(0.0))
    assert it.failures == 1 and not it.worker.lost
    for _ in range(round(SILENT_S / EVERY_S) + 1):
        await it.look(EVERY_S)
    assert it.worker.lost and it.failures == 1


async def test_nor_does_it_load_for_too_long(it: Watch) -> None:
    await it.look(EVERY_S)
    await it.look(600.0)
    assert not it.worker.lost
    for _ in range(250):
        await it.look(EVERY_S)
    assert it.worker.lost and "did not load within 60 s" in it.heard[-1].reason


def test_an_order_has_not_gone_on_while_its_machine_stood_still(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[float] = []
    looks = iter((1.0, 2.0, 102.0, 103.0))
    made = Worker(type("Up", (), {"send": lambda _, beat: said.append(beat.busy_s)})())
    made._busy_since = 0.5
    now = 1.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now = next(looks)
        if now == 103.0:
            made._busy_since = 102.5

    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    with pytest.raises(StopIteration):
        made.beat(1.0, 30.0)
    assert said == pytest.approx([0.5, 0.5, 1.5, 2.5, 0.5])
