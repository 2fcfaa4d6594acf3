"""The end of a process that works for another one: it comes with that one's end, however that came."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable

WATCH_S = 1.0
"""A process whose parent is gone works on for so long."""


def end_with_parent() -> None:
    """Called first in a process that `multiprocessing` starts: it ends soon after its parent. One that was killed ends nobody, and
    who waits for its next work in a pipe that its siblings hold open, too, would wait for ever.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None and parent.pid is not None
    when_parent_is_gone(parent.pid, lambda: os._exit(1))


def when_parent_is_gone(pid: int, act: Callable[[], object]) -> None:
    """Has `act` called, in a thread, once `pid`, this process's parent, is no more."""

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(WATCH_S)
        act()

    threading.Thread(target=watch, name="parent", daemon=True).start()
