"""Snapshots, written beside the making of chunks. One that cannot be kept costs nothing: the log brings a stream back, too."""

from __future__ import annotations

import logging
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

from server.engine import ipc

log = logging.getLogger(__name__)

SPARE = 2
"""So many times its size must be free where a snapshot goes."""


class SnapshotThread:
    """Writes one snapshot at a time; while it is at one, others are left out."""

    def __init__(self, send: Callable[[Any], None], dump: Callable[[Any], bytes], limit: int) -> None:
        """`dump` turns a state, as it was given, into bytes; states of more than `limit` bytes are not kept."""
        self._send = send
        self._dump = dump
        self._limit = limit
        self._jobs: queue.SimpleQueue[tuple[ipc.StepItem, Any]] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._stuck = self._told = False
        threading.Thread(target=self._run, name="snapshots", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether a snapshot offered now would be left out."""
        return self._stuck or self._busy_since is not None

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
        self._busy_since = time.monotonic()
        self._jobs.put((item, frozen))

    def give_up_after(self, seconds: float) -> None:
        """A disk that holds one snapshot up for longer is not asked again."""
        since = self._busy_since
        if since is not None and not self._stuck and time.monotonic() - since > seconds:
            self._stuck = True
            log.error("a snapshot was not written within %g s: none is taken any more", seconds)

    def _run(self) -> None:
        while True:
            item, frozen = self._jobs.get()
            try:
                self._write(item, self._dump(frozen))
            except Exception as error:
                log.warning("stream %s: no snapshot: %s", item.stream, error)
            del frozen
            self._busy_since = None
            self._stuck = False

    def _write(self, item: ipc.StepItem, blob: bytes) -> None:
        """Whole or not at all: a reader never sees half a file, and none is left."""
        assert item.save is not None
        folder, part = os.path.dirname(item.save), f"{item.save}.part"
        os.makedirs(folder, exist_ok=True)
        if shutil.disk_usage(folder).free < SPARE * len(blob):
            raise OSError(f"too little space for {len(blob)} bytes")
        try:
            with open(part, "wb") as file:
                file.write(blob)
            os.replace(part, item.save)
        except OSError:
            if os.path.exists(part):
                os.unlink(part)
            raise
        self._send(ipc.Saved(item.stream, item.epoch, item.chunk, item.save))
