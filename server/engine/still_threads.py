"""Still pictures, each encoded in a thread of its own: who looks at one waits, and no stream does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from flowbrush.pipelines.requests import Frames
from flowbrush.protocol import Codec
from flowbrush.server.engine import ipc
from flowbrush.server.engine.encoder import VideoEncoder

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Pictures that are encoded at once; who asks for more gets none."""


class StillThreads:
    """Answers each order, with a picture or with none."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def encode(self, order: ipc.Still, index: int, picture: Frames, fps: float) -> None:
        """Answers with the frame `index`, uint8 [H, W, 3], unless there is no room or no thread for it."""
        if self._room.acquire(blocking=False):
            thread = threading.Thread(
                target=self._run, args=(order, index, picture, fps), name="still", daemon=True
            )
            try:
                thread.start()
                return
            except RuntimeError as error:  # there is no other thread to be had
                self._room.release()
                log.warning("stream %s: no still picture: %s", order.stream, error)
        self._send(ipc.StillImage(order.stream, order.request))

    def _run(self, order: ipc.Still, index: int, picture: Frames, fps: float) -> None:
        height, width, _ = picture.shape
        payload = None
        try:
            payload = VideoEncoder(Codec(order.codec), width, height, fps).encode(picture, key=True)[0]
        except Exception:
            log.exception("stream %s: no still picture", order.stream)
        self._send(ipc.StillImage(order.stream, order.request, index, payload))
        self._room.release()
