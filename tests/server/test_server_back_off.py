"""A lost worker is replaced at once; one that does not come to serve, after longer and longer pauses, for ever."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flowbrush.server.engine.workers import Lost, Workers


class Clock:
    """A timer whose time is what is waited for."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waiting: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, function: Any, *args: Any) -> None:
        raise NotImplementedError

    def call_at(self, when: float, function: Any) -> None:
        self.waiting.append((when, function))

    def wait(self) -> float:
        """Until what is due next has been done; how long that took."""
        ((when, function),) = self.waiting
        self.waiting, passed, self.now = [], when - self.now, when
        function()
        return passed


def test_pauses_grow_until_a_worker_serves_and_are_forgotten_then() -> None:
    clock, made = Clock(), []

    def spawn(name: str, handler: Any) -> Any:
        made.append((SimpleNamespace(name=name, where="nowhere", loaded=False), handler))
        return made[-1][0]

    lost: list[str] = []
    workers = Workers(spawn, lambda worker, message: None, lambda worker, why: lost.append(why))
    workers.start(1, clock)

    def serve_and_end(serves: bool) -> float:
        process, handler = made[-1]
        if serves:
            process.loaded = True
            workers.loaded()
        handler(process, Lost("it ended"))
        return clock.wait()

    assert [serve_and_end(serves) for serves in (True, *[False] * 6)] == [0, 1, 2, 5, 10, 30, 30]
    assert workers.missing_s() == 78, "since the first one was lost"
    assert [serve_and_end(serves) for serves in (True, False)] == [0, 1]
    assert len(lost) == 9 and len(workers.all) == 1
