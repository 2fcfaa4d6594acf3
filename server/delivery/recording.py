"""A session's recording: encoded packets written into a fragmented MP4 as they are, one fragment per chunk.

The file always is what the session file describes: a rewind cuts it. One that somebody else removes is written again; one that
somebody else cuts takes no more. All functions block; they are called in one storage thread.
"""

from __future__ import annotations

import contextlib
import logging
import struct
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from flowbrush.protocol import Codec
from flowbrush.server.delivery import mp4
from flowbrush.server.store.put_back import put_back, taken_away
from flowbrush.server.store.room import Room

log = logging.getLogger(__name__)


class Recording:
    """One file, from the first recorded chunk on; opened again after a restart."""

    def __init__(
        self,
        path: Path,
        codec: Codec,
        width: int,
        height: int,
        fps: float,
        limit: int,
        room: Room | None = None,
    ) -> None:
        """`limit` is the largest size in bytes, of the `room` of all."""
        self.path = path
        self.full = False
        self._codec, self._size, self._fps = codec, (width, height), fps
        self._limit, self._room = limit, room or Room()
        self._chunks, self._starts = array("I"), array("Q")
        """the chunks, growing, and where the fragment of each begins"""
        self._file = open(path, "a+b")
        self.chunks: int | None = None
        """chunks before this one are recorded; None when none is"""
        self.bytes = 0
        self._was_cut = False
        self._take_up()

    def _take_up(self) -> None:
        """Goes on behind the last complete fragment of the file."""
        del self._chunks[:], self._starts[:]
        self.bytes = self._scan()
        if lost := self._file.seek(0, 2) - self.bytes:
            log.warning("%s: its last %d bytes are no whole chunk, and are left out", self.path, lost)
        self._file.truncate(self.bytes)
        self._count()

    def _count(self) -> None:
        self._room.note(self.path, self.bytes)
        self.chunks = self._chunks[-1] + 1 if self._chunks else None

    def put(self, chunk: int, first_frame: int, samples: Sequence[mp4.Sample]) -> bool:
        """Writes a chunk; it replaces what was recorded of it and after it. False when there is no room. Raises OSError."""
        if self.full:
            return False
        self.cut(chunk)
        if self._was_cut:
            raise OSError("somebody else has cut its file")
        data = mp4.fragment(self._codec, chunk + 1, first_frame, self._fps, samples)
        if not self._starts:
            if not samples[0].key:
                return True  # the file must begin with a key frame; one is on its way
            data = mp4.header(self._codec, *self._size, samples[0].payload) + data
        after = self.bytes + len(data)
        if after > self._limit or self._room.lacks(self.path, after):
            self.full = True
            return False
        fragment = self.bytes if self._starts else after - self._fragment_size(data)
        self._file.seek(0, 2)
        self._file.write(data)
        self._file.flush()
        self._note(chunk, fragment)
        self.bytes = after
        self._count()
        return True

    def cut(self, chunks: int) -> None:
        """Forgets chunk `chunks` and all after it. Raises OSError."""
        self.check()
        kept = bisect_left(self._chunks, chunks)
        if kept < len(self._chunks):
            self.bytes = self._starts[kept] if kept else 0
            del self._chunks[kept:], self._starts[kept:]
            self._file.truncate(self.bytes)
            self._count()

    def close(self) -> None:
        """Closes the file; it is complete after every chunk anyway."""
        if not self._file.closed:
            with contextlib.suppress(OSError):
                self.check()
            self._file.close()
            self._room.leave(self.path)

    def check(self) -> None:
        """Sees to it that the file is where it belongs, and what was written is in it. Raises OSError."""
        with contextlib.suppress(
            OSError
        ):  # while it is open nothing is lost; the journal says that it cannot be put back
            if taken_away(self._file, self.path):
                self._file = put_back(self._file, self.path)
                log.error("%s was taken away while its session runs, and is written again", self.path)
        if self._file.seek(0, 2) < self.bytes:
            log.error("somebody else has cut %s while its session runs: it takes no more", self.path)
            self._was_cut = True
            self._take_up()

    def _note(self, chunk: int, start: int) -> None:
        """The fragment of one more chunk is there."""
        self._chunks.append(chunk)
        self._starts.append(start)

    @staticmethod
    def _fragment_size(data: bytes) -> int:
        return sum(size for kind, _, size in mp4.boxes(data) if kind in (b"moof", b"mdat"))

    def _scan(self) -> int:
        """Finds the fragments of an existing file; returns where the last complete one ends."""
        self._file.seek(0, 2)
        size, at, complete = self._file.tell(), 0, 0
        chunk: int | None = None
        while at + 8 <= size:
            self._file.seek(at)
            length, kind = struct.unpack(">I4s", self._file.read(8))
            if length < 8 or at + length > size:
                break
            if kind == b"moof":
                chunk = struct.unpack(">12xI", self._file.read(16))[0] - 1
                start = at
            elif kind == b"mdat" and chunk is not None:
                self._note(chunk, start)
                complete = at + length
            at += length
        return complete
