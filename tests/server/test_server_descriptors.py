"""A process that has no more file descriptors."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server import run
from flowbrush.server.engine import ipc
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.settings import Settings


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """Until its end this process can open nothing."""
    limits, taken = resource.getrlimit(resource.RLIMIT_NOFILE), list[int]()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, limits[0]), limits[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.skipif(
    sys.platform != "linux", reason="what starting a process takes is counted as Linux has it"
)
def test_a_worker_starts_where_no_file_descriptors_are_left() -> None:
    """Others took those of the one that was lost, for sessions that wait for a worker; twice, for the next may be lost, too."""
    engine, config = (
        LocalEngine(),
        ipc.WorkerConfig("none:load", "m", "cpu", 1, 1, "info", False),
    )
    started: list[Any] = []
    try:
        with none_left():
            for name in ("worker-0", "worker-1"):
                started.append(engine.start(name, config, lambda message: True, lambda reason: None))
                started[-1].kill()
    finally:
        for process in started:
            process.kill()
        engine.close()
    assert len(started) == 2


@pytest.mark.parametrize(("free", "total", "per_address"), [(1 << 16, 1024, 256), (64, 32, 8), (8, 8, 2)])
def test_where_there_are_few_descriptors_one_address_cannot_take_all_connections(
    monkeypatch: pytest.MonkeyPatch, free: int, total: int, per_address: int
) -> None:
    monkeypatch.setattr(run, "file_descriptors", lambda: free)
    metrics = SimpleNamespace(connections_closed=None)
    context: Any = SimpleNamespace(service=SimpleNamespace(metrics=metrics), passes=None)
    found = run.connection_limits(Settings(), context)
    assert (found.total, found.per_address) == (total, per_address)
