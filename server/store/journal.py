"""The log of a session on disk: one JSON line per chunk asked for, with the controls that it saw.

The file is the truth; memory holds where some lines begin, and the latest lines. It can be cut (rewind, reset) and read again by
a new process after a restart. What somebody else does to it meanwhile is found before it is written or read: one that was removed
is written again, as are the latest lines where they are not as they were; where lines were cut off that memory has no more, each
leaves a line that says so.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from flowbrush.errors import ProtocolError
from flowbrush.parse import parse_control
from flowbrush.protocol import Control
from flowbrush.server.store.put_back import put_back, taken_away
from flowbrush.server.store.room import Room

log = logging.getLogger(__name__)

EVERY = 64
"""Memory holds where each so many-th line begins, so that it hardly grows with the stream; lines between are read on the way."""

BLOCK = 1 << 14
"""Bytes that are read in one go: as a rule more than `EVERY` lines have, which are empty while nobody does anything."""

MARK = b'[{"epoch":'
"""How the first line after a cut begins: from it on nothing is of an earlier epoch of the session, as a snapshot may be."""


LOST = b"lost\n"
"""Stands in the place of a line that was cut off. It is no JSON: whoever reads the journal stops before it."""

RECENT_LINES, RECENT_BYTES = 64, 1 << 18
"""So much of its end memory keeps: as a rule all that a lost worker's stream needs again, which is what came after a snapshot."""


class JournalFull(OSError):
    """The journal has reached its largest size."""


class Journal:
    """`len(journal)` is the number of chunks asked for; the next one has that index. A line is in the file whole, or not at all."""

    def __init__(self, path: Path, *, limit: int = 1 << 62, room: Room | None = None) -> None:
        """Opens `path`, or makes it, for `limit` bytes, of the `room` of all. A last line that a crash cut short is removed."""
        self.path = path
        self._limit, self._room = limit, room or Room()
        self._file = open(path, "a+b")
        self._starts = array("Q")
        """where chunk 0, EVERY, 2 EVERY, … begin"""
        self._count = self._end = 0
        self._recent = _Recent()
        self._cut = True
        """the next line has nothing to do with what was written before, here or by an earlier process"""
        self.whole: int | None = None
        """so many chunks come before the first that is lost; None while none is"""
        self._lost: tuple[int, int] | None = None
        """the first and the last chunk of those whose loss was not told yet"""
        self._away = False
        """it was taken away, and cannot be put back"""
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._note(line)
        self._file.truncate(self._end)
        self._room.note(path, self._end)
        self._changed_ns = self._when_changed()
        """when the file was last changed, as far as that was done here"""

    def __len__(self) -> int:
        return self._count

    def extend(self, first: int, lines: Sequence[Sequence[Control]], epoch: int = 0) -> None:
        """The controls of the chunks from `first` on, which must be the next one; `epoch` is the session's now, or a later one
        than that in which they were given. Raises OSError; nothing has changed then.
        """
        if first != len(self):
            raise ValueError(f"chunk {first} cannot follow the {len(self)} that the journal has")
        mark = [f'{{"epoch":{epoch}}}'] if self._cut and epoch else []
        bodies = [[each.to_json() for each in line] for line in lines]
        bodies[:1] = [mark + first_bodies for first_bodies in bodies[:1]]
        texts = [f"[{','.join(line)}]\n".encode() for line in bodies]
        data = b"".join(texts)
        if self._end + len(data) > self._limit:
            raise JournalFull(f"it has reached its largest size, {self._limit} bytes")
        if self._room.lacks(self.path, self._end + len(data)):
            reached = f"the logs of all sessions have reached {self._room.total} bytes"
            raise JournalFull(f"{reached}, and it has its share of them")
        self.check()
        self._write(data)
        self._cut = self._cut and not texts
        for text in texts:
            self._note(text)
        self._room.note(self.path, self._end)

    def _write(self, data: bytes) -> None:
        """Puts `data` at the end. Raises OSError; what was written of it is taken away again then, now or before the next write."""
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file.fileno(), left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self._end)
            raise
        self._changed_ns = self._when_changed()

    def replace(self, first: int, lines: Sequence[Sequence[Control]], epoch: int) -> int:
        """As `extend`, but whatever it has from `first` on goes before: a cut may have failed. Returns how many it has then."""
        self.truncate(first)
        self.extend(first, lines, epoch)
        return len(self)

    def _note(self, line: bytes) -> None:
        """The file has one more line."""
        if self._count % EVERY == 0:
            self._starts.append(self._end)
        if line == LOST and self.whole is None:
            self.whole = self._count
        self._count += 1
        self._end += len(line)
        self._recent.append(line)

    def controls(self, chunk: int) -> tuple[Control, ...]:
        """The controls that the making of `chunk` saw. Raises IndexError beyond the end, ValueError for a line that is none."""
        if not 0 <= chunk < len(self):
            raise IndexError(f"chunk {chunk} is not in the journal, which has {len(self)}")
        self.check()
        return _checked(self._line(chunk)[1], chunk + 1)

    def truncate(self, chunks: int) -> None:
        """Forgets every chunk from `chunks` on."""
        if chunks < len(self):
            self.check()
            end = self._line(chunks)[0]
            os.ftruncate(self._file.fileno(), end)
            self._recent.cut(len(self) - chunks)
            self._end, self._count, self._cut = end, chunks, True
            self._changed_ns = self._when_changed()
            self._room.note(self.path, end)
            del self._starts[-(-chunks // EVERY) :]
            if self.whole is not None and chunks <= self.whole:
                self.whole = None

    def epochs(self) -> Iterator[int]:
        """Of each chunk the epoch before which nothing of it was made. Raises OSError."""
        epoch = 0
        for line in self._lines(0):
            if line.startswith(MARK):
                epoch = int(line[len(MARK) : line.index(b"}")])
            yield epoch

    def copy_to(self, path: Path, chunks: int) -> None:
        """A journal of the first `chunks` chunks alone, in a new file. Raises OSError, also where one of them is lost."""
        self.check()
        if self.whole is not None and self.whole < chunks:
            raise OSError(f"chunk {self.whole} of the session's log is lost")
        end = self._line(chunks)[0] if chunks < len(self) else self._end
        with open(self.path, "rb") as old, open(path, "wb") as new:
            left = end
            while left > 0 and (block := old.read(min(left, 1 << 20))):
                new.write(block)
                left -= len(block)

    def _line(self, chunk: int) -> tuple[int, bytes]:
        """Where the line of a chunk begins, and the line. Raises OSError, and ValueError where the file has lost it."""
        at = self._starts[chunk // EVERY]
        for number, line in enumerate(self._lines(at), chunk // EVERY * EVERY):
            if number == chunk:
                return at, line
            at += len(line)
        raise ValueError(f"line {chunk + 1} of the journal is missing")

    def _lines(self, at: int) -> Iterator[bytes]:
        """The lines from the one that begins at `at`."""
        rest = b""
        while block := os.pread(self._file.fileno(), min(BLOCK, self._end - at), at):
            at += len(block)
            *whole, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in whole)

    def take_lost(self) -> tuple[int, int] | None:
        """The first and the last chunk of those that are lost since this was last asked; None where none is."""
        lost, self._lost = self._lost, None
        return lost

    def close(self) -> None:
        """Closes the file; the journal stays on disk."""
        if not self._file.closed:
            with contextlib.suppress(OSError):
                self.check()
            self._file.close()
            self._room.leave(self.path)

    # ---- what others do to the file

    def check(self) -> None:
        """Sees to it that the file is where it belongs, and holds what was written. Raises OSError."""
        try:
            if taken_away(self._file, self.path):
                self._file = put_back(self._file, self.path)
                log.error("%s was taken away while its session runs, and is written again", self.path)
            self._away = False
        except OSError as error:  # while it is open nothing is lost
            if not self._away:
                log.error("%s was taken away while its session runs: %s", self.path, error)
            self._away = True
        size = os.fstat(self._file.fileno()).st_size
        if size < self._end:
            self._fill()
        elif size > self._end:  # of a write that failed, or of somebody else
            os.ftruncate(self._file.fileno(), self._end)
        elif self._when_changed() != self._changed_ns:
            self._compare()
        self._changed_ns = self._when_changed()

    def _when_changed(self) -> int:
        return os.fstat(self._file.fileno()).st_mtime_ns

    def _compare(self) -> None:
        """Somebody else has written into it: the lines that memory has are put back where they are not as they were."""
        known = b"".join(self._recent.last(self._count))
        at = self._end - len(known)
        if os.pread(self._file.fileno(), len(known), at) != known:
            os.ftruncate(self._file.fileno(), at)
            self._fill()

    def _fill(self) -> None:
        """Lines were cut off: those that memory has are written again, and the others are lost."""
        whole = at = 0
        for line in islice(self._lines(0), self._count):
            whole, at = whole + 1, at + len(line)
        known = self._recent.last(self._count - whole)
        lost = self._count - whole - len(known)
        lines = [LOST] * lost + known
        os.ftruncate(self._file.fileno(), at)
        count, end = self._count, self._end
        self._end = at
        try:
            self._write(b"".join(lines))
        except OSError:
            self._end = end
            raise
        self._count = whole
        del self._starts[-(-whole // EVERY) :]
        self._recent.cut(count - whole)
        for line in lines:
            self._note(line)
        told = (
            f"chunks {whole} to {whole + lost - 1} are lost"
            if lost
            else "it was written again, nothing is lost"
        )
        log.error("somebody else has cut, or written into, %s while its session runs: %s", self.path, told)
        if lost:
            first = whole if self._lost is None else min(whole, self._lost[0])
            self._lost = first, whole + lost - 1


class _Recent:
    """The latest lines of a journal."""

    def __init__(self) -> None:
        self._lines = deque[bytes]()
        self._bytes = 0

    def append(self, line: bytes) -> None:
        """One more."""
        self._lines.append(line)
        self._bytes += len(line)
        while len(self._lines) > RECENT_LINES or self._bytes > RECENT_BYTES:
            self._bytes -= len(self._lines.popleft())

    def cut(self, lines: int) -> None:
        """The last so many never were."""
        for _ in range(min(lines, len(self._lines))):
            self._bytes -= len(self._lines.pop())

    def last(self, lines: int) -> list[bytes]:
        """The last so many, or fewer where it has no more."""
        return list(self._lines)[max(0, len(self._lines) - lines) :]


def lines_of(path: Path) -> int:
    """How many chunks a journal has. Raises OSError."""
    with open(path, "rb") as file:
        return sum(line.endswith(b"\n") for line in file)


_CHANGES = (b'"track.begin"', b'"track.end"', b'"tracks.clear"')


def track_changes(path: Path, chunks: int) -> Iterator[tuple[int, Control]]:
    """(chunk, control) of what began and ended tracks in the first `chunks` chunks of a journal. Raises OSError, and ValueError for
    a line that is none, or is missing.
    """
    count = 0
    with open(path, "rb") as file:
        for count, line in enumerate(islice(file, chunks), 1):
            if line == LOST or any(change in line for change in _CHANGES):
                yield from ((count - 1, control) for control in _checked(line, count))
    if count < chunks:
        raise ValueError(f"the journal has {count} lines of {chunks}")


def _checked(line: bytes, number: int) -> tuple[Control, ...]:
    if line == LOST:
        raise ValueError(f"line {number} of the journal is lost")
    try:
        return _read(line)
    except (ProtocolError, TypeError) as error:
        raise ValueError(f"line {number} of the journal cannot be read: {error}") from error


def _read(line: bytes) -> tuple[Control, ...]:
    return tuple(parse_control(json.dumps(body)).message for body in json.loads(line) if not is_mark(body))


def is_mark(body: object) -> bool:
    """Whether what stands in a line is no control, but where an epoch begins."""
    return isinstance(body, dict) and body.keys() == {"epoch"} and type(body["epoch"]) is int
