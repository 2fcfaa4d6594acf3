"""A terminal's Ctrl-C reaches the whole group: processes that the server starts hear nothing of it, the server ends them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """A process that is started in here never gets SIGINT, from its first instruction on: what a thread blocks it hands on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
