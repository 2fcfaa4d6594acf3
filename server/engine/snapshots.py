"""Snapshots, written by threads of their own. One that cannot be kept costs nothing: the log brings a stream back, too."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from flowbrush.server.engine import ipc

log = logging.getLogger(__name__)

SPARE = 2
"""So many times its size must be free where a snapshot goes."""

MAX_STUCK = 3
"""While so many hang, with their threads and states, none is begun: it is the disk then, and not one of them."""


class Snapshots:
    """Writes one snapshot at a time, in a thread of its own; while it is at one, others are left out."""

    def __init__(
        self, send: Callable[[Any], None], dump: Callable[[Any], bytes], limit: int, ship: bool = False
    ) -> None:
        """`dump` turns a state, as it was given, into bytes; states of more than `limit` bytes are not kept.

        `ship`: the bytes go to the server, which writes the file.
        """
        self._ship = ship
        self._send = send
        self._dump = dump
        self._limit = limit
        self._lock = threading.Lock()
        self._began: dict[str, float] = {}
        """file → when its writing began, of those that are not given up"""
        self._stuck: set[str] = set()
        self._told = False
        self._failing = ""
        """why the last one could not be kept"""

    @property
    def busy(self) -> bool:
        """Whether a snapshot offered now would be left out."""
        with self._lock:
            return bool(self._began) or len(self._stuck) >= MAX_STUCK

    def fits(self, size: int) -> bool:
        """Whether states of `size` bytes are kept."""
        if size > self._limit and not self._told:
            self._told = True
            mib = size / (1 << 20)
            log.warning("a state has %.0f MiB: no snapshots are kept, the log alone brings streams back", mib)
        return size <= self._limit

    def offer(self, item: ipc.StepItem, frozen: Any) -> None:
        """Writes the state `frozen`, which nothing changes any more, to `item.save`, unless it is busy."""
        if item.save is None or self.busy:
            return
        with self._lock:
            self._began[item.save] = time.monotonic()
        thread = threading.Thread(
            target=self._run, args=(item, item.save, frozen), name="snapshot", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # there is no other thread to be had
            with self._lock:
                self._began.pop(item.save, None)
            log.warning("stream %s: no snapshot: %s", item.stream, error)

    def give_up_after(self, seconds: float) -> None:
        """A snapshot that takes longer holds nobody up: others are begun all the same. Its thread cannot be ended."""
        now = time.monotonic()
        with self._lock:
            late = [path for path, began in self._began.items() if now - began > seconds]
            for path in late:
                del self._began[path]
                self._stuck.add(path)
        for path in late:
            log.error("the snapshot %s was not written within %g s and is given up", path, seconds)

    def _run(self, item: ipc.StepItem, path: str, frozen: Any) -> None:
        try:
            blob = self._dump(frozen)
            if not self._ship:
                write_whole(path, blob)
            self._send(ipc.Saved(item.stream, item.epoch, item.chunk, path, blob if self._ship else None))
            self._note("", item.stream)
        except Exception as error:
            self._note(str(error) or type(error).__name__, item.stream)
        finally:
            with self._lock:
                self._began.pop(path, None)
                self._stuck.discard(path)

    def _note(self, failure: str, stream: str) -> None:
        """Says when it begins to fail and when that is over: a full disk would fill with what is said of each."""
        before, self._failing = self._failing, failure
        if failure and not before:
            log.warning("stream %s: no snapshot, nor of others as long as that holds: %s", stream, failure)
        elif before and not failure:
            log.info("snapshots can be kept again")


def write_whole(path: str, blob: bytes) -> None:
    """Whole or not at all: a reader never sees half a file, and none is left. Raises OSError."""
    folder, part = os.path.dirname(path), f"{path}.part"
    os.makedirs(folder, exist_ok=True)
    if shutil.disk_usage(folder).free < SPARE * len(blob):
        raise OSError(f"too little space for {len(blob)} bytes")
    try:
        with open(part, "wb") as file:
            file.write(blob)
        os.replace(part, path)
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise


def blob_of(order: ipc.Open) -> bytes:
    """The snapshot that a stream is to be made from. Raises OSError."""
    if order.blob is not None:
        return order.blob
    assert order.snapshot is not None
    with open(order.snapshot, "rb") as file:
        return file.read()
