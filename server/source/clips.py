"""Which frames chunks were made from, so that one that is made again gets the same. Bounded."""

from __future__ import annotations

from collections.abc import Callable

from flowbrush.server.engine.ipc import SourceChunk

KEPT_BYTES = 32 << 20
KEPT_CHUNKS = 256


class Clips:
    """Of one session, across its sources. Chunks that are further back are made again without their source."""

    def __init__(self) -> None:
        self._kept: dict[int, SourceChunk] = {}
        self._bytes = 0
        self._next = 0

    def of(self, chunk: int, newest: bool, take: Callable[[], SourceChunk | None]) -> SourceChunk | None:
        """What `chunk` is made from: as before, or, for the `newest` one where it was not made before, what `take` gives."""
        if chunk < self._next or not newest:
            return self._kept.get(chunk)
        self._next = chunk + 1
        taken = take()
        if taken is not None:
            self._kept[chunk] = taken
            self._bytes += _size(taken)
            while len(self._kept) > 1 and (self._bytes > KEPT_BYTES or len(self._kept) > KEPT_CHUNKS):
                self._forget(next(iter(self._kept)))
        return taken

    def cut(self, chunks: int) -> None:
        """Only the first `chunks` ever were."""
        self._next = min(self._next, chunks)
        for chunk in [each for each in self._kept if each >= chunks]:
            self._forget(chunk)

    def _forget(self, chunk: int) -> None:
        self._bytes -= _size(self._kept.pop(chunk))


def _size(clip: SourceChunk) -> int:
    return sum(map(len, clip.pictures))
