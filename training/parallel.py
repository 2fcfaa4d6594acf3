"""Work spread over processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import torch

from flowbrush.models.parent import end_with_parent

Result = TypeVar("Result")
_work: Callable[[int], object] | None = None


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


def _prepare() -> None:
    end_with_parent()
    torch.set_num_threads(1)


def _call(index: int) -> object:
    assert _work is not None
    return _work(index)
