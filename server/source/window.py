"""Which frames of a source a chunk is made from. No I/O, no clock: time is the source's own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from flowbrush.server.engine.ipc import SourceChunk

RESTS_US = 500_000
"""A source that has shown the same picture for so long stands still."""

BEHIND = 0.5
"""Of a chunk: so far a chunk may lie behind the newest frame before it skips to it. Skipping at once would stutter."""


@dataclass
class _Frame:
    pts_us: int
    picture: bytes = field(repr=False)
    used: bool = False


class Window:
    """The latest frames, bounded; the latest wins, and what is passed over is counted.

    Chunks follow each other through the source's time as long as they keep up with it, so that nothing stutters; one that is
    behind jumps, and one that is ahead holds the newest picture. No chunk goes back.
    """

    def __init__(self, chunk_frames: int, fps: float, strength: float, source_fps: float) -> None:
        """`chunk_frames` frames a chunk at `fps`, from a source of `source_fps`."""
        self._count, self._strength = chunk_frames, strength
        self._frame_us = 1e6 / fps
        self._chunk_us = chunk_frames * self._frame_us
        self._frames: deque[_Frame] = deque()
        self._most = 2 + round(2 * self._chunk_us / 1e6 * source_fps)
        self._at_us: float | None = None
        """the source's time up to which chunks are made"""
        self._now_us = 0
        self.dropped = 0
        """frames that came and were not used, since it was asked last"""

    @property
    def empty(self) -> bool:
        """Whether no frame has come yet."""
        return not self._frames

    @property
    def rests(self) -> bool:
        """Whether the source stands still, and a chunk has shown it so."""
        if not self._frames:
            return False
        newest = self._frames[-1]
        return newest.used and self._now_us - newest.pts_us >= RESTS_US

    def put(self, pts_us: int, picture: bytes) -> None:
        """A frame that differs from the one before. Time that jumps back is another recording: it begins anew."""
        if self._frames and pts_us <= self._frames[-1].pts_us:
            self._drop(len(self._frames))
            self._at_us = None
        self._frames.append(_Frame(pts_us, picture))
        self._now_us = pts_us
        self._drop(len(self._frames) - self._most)

    def same(self, pts_us: int) -> None:
        """A frame like the one before."""
        self._now_us = max(self._now_us, pts_us)

    def take(self) -> SourceChunk | None:
        """The frames of the next chunk; None before there is any."""
        if not self._frames:
            return None
        start = self._at_us
        late = start is None or self._now_us - (start + self._chunk_us) > BEHIND * self._chunk_us
        if late or start is None:
            start = self._now_us - self._chunk_us
        times = [min(start + (k + 1) * self._frame_us, self._now_us) for k in range(self._count)]
        self._at_us = times[-1]
        chosen = [self._at(time) for time in times]
        distinct = sorted(set(chosen))
        for index in distinct:
            self._frames[index].used = True
        pictures = tuple(self._frames[index].picture for index in distinct)
        order = tuple(distinct.index(index) for index in chosen)
        self._drop(chosen[-1])
        return SourceChunk(pictures, order, self._strength)

    def _at(self, time_us: float) -> int:
        """The index of the frame that is seen at a time of the source."""
        found = 0
        for index, frame in enumerate(self._frames):
            if frame.pts_us > time_us + 1:
                break
            found = index
        return found

    def _drop(self, count: int) -> None:
        """The oldest `count` frames are not needed any more."""
        for _ in range(count):
            self.dropped += not self._frames.popleft().used
