"""Spare processes: what takes longest to be loaded is loaded before a worker is lost."""

from __future__ import annotations

import queue
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from running_server import wait_for

from flowbrush.server.engine import ipc, local

CONFIG = ipc.WorkerConfig(
    "server_generator:Generator.load", "pocket-random", "cpu", 1, 1, "error", False
)  # fmt: skip
WAIT_S = 60.0


class Started:
    """A worker of an engine, and what it said."""

    def __init__(self, engine: local.LocalEngine, name: str) -> None:
        self.said: queue.Queue[Any] = queue.Queue()
        self.process = engine.start(name, CONFIG, self._hear, self.said.put)
        self.pid = int(self.process.where.split()[-1])

    def _hear(self, message: Any) -> bool:
        self.said.put(message)
        return True

    def loaded(self) -> None:
        while not isinstance(said := self.said.get(timeout=WAIT_S), ipc.Loaded):
            assert isinstance(said, ipc.Beat)

    def end(self) -> None:
        self.process.kill()
        while "exit code -9" not in str(self.said.get(timeout=WAIT_S)):
            pass


def spare_of(engine: local.LocalEngine) -> int:
    wait_for(lambda: bool(engine._spares), WAIT_S)
    return int(engine._spares[0].where.split()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="names of processes are read as Linux shows them")
def test_a_spare_process_is_the_next_worker_and_another_takes_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "REFILL_S", 0.0)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    engine = local.LocalEngine(spares=1)
    first = Started(engine, "worker-0")
    first.loaded()
    spare = spare_of(engine)
    wait_for(lambda: psutil.Process(spare).name() == "spare", WAIT_S)
    first.end()
    second = Started(engine, "worker-1")
    assert second.pid == spare and not engine._spares
    second.loaded()
    assert psutil.Process(spare).name() == "worker"
    dead = spare_of(engine)
    psutil.Process(dead).kill()
    wait_for(lambda: not engine._spares[0].alive, WAIT_S)
    second.end()
    third = Started(engine, "worker-2")
    assert third.pid not in (dead, spare), "one that died as it waited is not taken"
    engine._fill()
    last = spare_of(engine)
    engine.close()
    third.end()
    wait_for(lambda: not psutil.pid_exists(last) or psutil.Process(last).status() == psutil.STATUS_ZOMBIE)
