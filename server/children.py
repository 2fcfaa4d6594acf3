"""A terminal's Ctrl-C reaches the whole group: processes that the server starts hear nothing of it, the server ends them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _OfThisThread(threading.local):
    """How many processes are just being started; in an event loop their beginnings overlap."""

    begun = 0
    heard = True
    """whether the thread hears SIGINT otherwise"""


_thread = _OfThisThread()


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """A process that is started in here never gets SIGINT, from its first instruction on: what a thread blocks it hands on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    if not _thread.begun:
        _thread.heard = signal.SIGINT not in before
    _thread.begun += 1
    try:
        yield
    finally:
        _thread.begun -= 1
        if _thread.heard and not _thread.begun:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
