"""One encoder a stream, each in a thread of its own: what one of them does is nobody else's wait."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowbrush.pipelines.requests import ChunkResult
from flowbrush.protocol import Codec
from flowbrush.server.engine import ipc
from flowbrush.server.engine.encoder import VideoEncoder, jpeg
from flowbrush.server.sessions.refused import failure

log = logging.getLogger(__name__)

WAITING = 32
"""Chunks that may wait for an encoder; one that is further behind is as good as stuck."""


@dataclass(frozen=True)
class Job:
    """One chunk to be encoded."""

    item: ipc.StepItem
    result: ChunkResult


class StreamEncoder:
    """Takes a stream's chunks in order; each frame is sent as soon as it is encoded.

    Whatever goes wrong is said once, as `StreamFailed`; nothing comes after that.
    """

    def __init__(
        self, send: Callable[[Any], None], codec: Codec, width: int, height: int, fps: float
    ) -> None:
        self._send = send
        self._shape = (codec, width, height, fps)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._given_up = False
        self._at: tuple[Job, float] | None = None
        threading.Thread(target=self._run, name=f"encode-{codec}", daemon=True).start()

    def put(self, job: Job) -> None:
        """Queues a chunk."""
        if self._jobs.qsize() >= WAITING:
            self._fail(job, f"{WAITING} chunks wait for the encoder")
            return
        self._jobs.put(job)

    def close(self) -> None:
        """No more comes; what is encoded still is for nobody."""
        with self._lock:
            self._given_up = True
        self._jobs.put(None)

    def give_up_after(self, seconds: float) -> bool:
        """Gives the encoder up when it has been at one frame for longer; True in that case. Its thread cannot be ended."""
        at = self._at
        if at is None or time.monotonic() - at[1] <= seconds or self._given_up:
            return False
        self._fail(at[0], f"the encoder did not answer within {seconds:g} s")
        return True

    def _fail(self, job: Job, why: str) -> None:
        with self._lock:
            if self._given_up:
                return
            self._given_up = True
        item = job.item
        log.error("stream %s: chunk %d was not encoded: %s", item.stream, item.chunk, why)
        self._send(ipc.StreamFailed(item.stream, item.epoch, item.chunk, why, encoder=True))

    def _run(self) -> None:
        encoder: VideoEncoder | None = None
        while (job := self._jobs.get()) is not None and not self._given_up:
            self._at = job, time.monotonic()
            try:
                encoder = encoder or VideoEncoder(*self._shape)
                self._encode(encoder, job)
            except Exception as error:
                self._fail(job, failure(error))
            self._at = None

    def _encode(self, encoder: VideoEncoder, job: Job) -> None:
        frames = job.result.frames
        for index, frame in enumerate(frames):
            begun = time.monotonic()
            self._at = job, begun
            payload, key = encoder.encode(frame, index in job.item.keys)
            still = jpeg(frame) if job.item.jpeg else None
            encoded = ipc.Encoded(
                job.item.stream,
                job.item.epoch,
                job.item.chunk,
                job.result.first_frame + index,
                payload,
                bool(key),
                index == len(frames) - 1,
                (time.monotonic() - begun) * 1e3,
                still,
            )
            with self._lock:
                if self._given_up:
                    return
                self._send(encoded)
