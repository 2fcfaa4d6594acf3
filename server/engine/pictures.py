"""The last picture of each chunk that a stream can be taken back to, for stills."""

from __future__ import annotations

import io
from collections import deque

import numpy as np
from PIL import Image

from flowbrush.pipelines.requests import Frames
from flowbrush.server.engine.encoder import jpeg


class Pictures:
    """The newest as it is. Those before it, which are wanted after a rewind alone, are kept as JPEG, in a tenth of the memory."""

    def __init__(self, chunks: int) -> None:
        """`chunks`: as many as a rewind reaches back."""
        self.newest: tuple[int, Frames] | None = None
        """its index in the stream, and uint8 [H, W, 3]"""
        self._earlier: deque[tuple[int, bytes]] = deque(maxlen=chunks)

    def add(self, index: int, picture: Frames) -> None:
        """The last frame of the chunk that was made, uint8 [H, W, 3]."""
        if self.newest is not None:
            before, last = self.newest
            self._earlier.append((before, jpeg(last)))
        self.newest = index, picture

    def cut(self, end: int) -> None:
        """Frames from `end` on never were."""
        if self.newest is None or self.newest[0] < end:
            return
        self.newest = None
        while self._earlier and self.newest is None:
            index, data = self._earlier.pop()
            if index < end:
                with Image.open(io.BytesIO(data)) as picture:
                    self.newest = index, np.asarray(picture)
