"""A terminal's Ctrl-C reaches the whole group, and so does the SIGTERM of who stops a service: processes that the server starts
hear nothing of either, for it may hear it later than they do. The server ends them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _OfThisThread(threading.local):
    """How many processes are just being started; in an event loop their beginnings overlap."""

    begun = 0
    blocked: frozenset[signal.Signals] = frozenset()
    """those of them that the thread does not hear otherwise"""


_thread = _OfThisThread()

OF_THE_GROUP = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def deaf_to_the_group() -> Iterator[None]:
    """A process that is started in here never gets SIGINT or SIGTERM, from its first instruction on: what a thread blocks it
    hands on.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_GROUP)
    if not _thread.begun:
        _thread.blocked = OF_THE_GROUP & {signal.Signals(number) for number in before}
    _thread.begun += 1
    try:
        yield
    finally:
        _thread.begun -= 1
        if not _thread.begun:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_GROUP - _thread.blocked)
