"""Work spread over processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")
_work: Callable[[int], object] | None = None

WATCH_S = 1.0
"""A process whose parent is gone works on for so long."""


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Callable[[int], Result], count: int, workers: int) -> list[Result]:
    """[work(0), …, work(count - 1)], on up to `workers` forked processes. `work` may be a closure; it
    returns arrays.
    """
    global _work
    workers = min(workers, count)
    if workers <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        return [work(index) for index in range(count)]
    _work = work  # forked children find it here; a closure could not be sent to them
    try:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), _prepare) as pool:
            return list(pool.map(_call, range(count)))  # type: ignore[arg-type]
    finally:
        _work = None


def end_with_parent() -> None:
    """Called first in a process that works for another one: it ends soon after that, however that ended. One that was killed ends
    nobody, and who waits for its next work in a pipe that its siblings hold open, too, would wait for ever.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch(pid: int | None) -> None:
        while os.getppid() == pid:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, args=(parent.pid,), name="parent", daemon=True).start()


def _prepare() -> None:
    end_with_parent()
    torch.set_num_threads(1)


def _call(index: int) -> object:
    assert _work is not None
    return _work(index)
