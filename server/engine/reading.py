"""Prompts read (encoded) at a worker concurrently with its chunks: the order for it, its answer, and the thread that does it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

log = logging.getLogger(__name__)


class Read(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Read these texts of a prompt: a chunk is about to need them."""

    stream: str
    epoch: int
    texts: tuple[str, ...]


class WasRead(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Answers Read, also where it went wrong: the chunk that needs the texts reads them again then, and says why."""

    stream: str
    epoch: int
    texts: tuple[str, ...]


class Unread(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Answers Open, or an item of Step, that would have to read these texts and hold up all other streams meanwhile. Nothing has
    changed.
    """

    stream: str
    epoch: int
    texts: tuple[str, ...]


class Reader:
    """Does one order after the other, in a thread of its own."""

    def __init__(self, read: Callable[[Sequence[str]], None], send: Callable[[Any], None]) -> None:
        self._read, self._send = read, send
        self._orders: queue.SimpleQueue[Read] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="reader", daemon=True).start()

    def put(self, order: Read) -> None:
        """Does not wait."""
        self._orders.put(order)

    def _run(self) -> None:
        while True:
            order = self._orders.get()
            try:
                self._read(order.texts)
            except Exception:
                log.exception("stream %s: its prompt could not be read", order.stream)
            self._send(WasRead(order.stream, order.epoch, order.texts))
