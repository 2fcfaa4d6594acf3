"""The worker's second hand: encodes chunks and writes snapshots while the next chunk is being made."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.requests import ChunkResult
from server.engine import ipc
from server.engine.encoder import VideoEncoder, jpeg

log = logging.getLogger(__name__)

WAITING = 64
"""Jobs that may wait; when there are more, the main thread waits, so that frames do not pile up."""


@dataclass(frozen=True)
class Job:
    """One chunk to be encoded."""

    item: ipc.StepItem
    result: ChunkResult
    encoder: VideoEncoder


@dataclass(frozen=True)
class _Snapshot:
    item: ipc.StepItem
    path: str
    blob: bytes


class EncodeThread:
    """Takes jobs in order; each frame is sent as soon as it is encoded."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self._jobs: queue.Queue[Job | _Snapshot] = queue.Queue(WAITING)
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, job: Job) -> None:
        """Queues a chunk; waits when too many are queued."""
        self._jobs.put(job)

    def put_snapshot(self, item: ipc.StepItem, blob: bytes) -> None:
        """Queues the writing of a snapshot to `item.save`."""
        if item.save is not None:
            self._jobs.put(_Snapshot(item, item.save, blob))

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if isinstance(job, _Snapshot):
                self._write(job)
                continue
            try:
                self._encode(job)
            except Exception as error:
                log.exception("stream %s: chunk %d was not encoded", job.item.stream, job.item.chunk)
                item = job.item
                text = f"{type(error).__name__}: {error}"
                self._send(ipc.StreamFailed(item.stream, item.epoch, item.chunk, text))

    def _encode(self, job: Job) -> None:
        frames = job.result.frames
        for index, frame in enumerate(frames):
            begun = time.monotonic()
            payload, key = job.encoder.encode(frame, index in job.item.keys)
            still = jpeg(frame) if job.item.jpeg else None
            encoded = ipc.Encoded(
                job.item.stream,
                job.item.epoch,
                job.item.chunk,
                job.result.first_frame + index,
                payload,
                key,
                index == len(frames) - 1,
                (time.monotonic() - begun) * 1e3,
                still,
            )
            self._send(encoded)

    def _write(self, job: _Snapshot) -> None:
        """Whole or not at all: a reader never sees half a file."""
        part = f"{job.path}.part"
        try:
            os.makedirs(os.path.dirname(part), exist_ok=True)
            with open(part, "wb") as file:
                file.write(job.blob)
            os.replace(part, job.path)
        except OSError as error:
            log.warning("stream %s: no snapshot: %s", job.item.stream, error)
            return
        item = job.item
        self._send(ipc.Saved(item.stream, item.epoch, item.chunk, job.path))
