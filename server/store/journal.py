"""The log of a session on disk: one JSON line per chunk asked for, with the controls that it saw.

The file is the truth; memory holds only where each line begins. It can be cut (rewind, reset) and read
again by a new process after a restart.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path

from flowbrush.parse import parse_control
from flowbrush.protocol import Control
from flowbrush.session_file import ControlAt, at_chunk


class Journal:
    """`len(journal)` is the number of chunks asked for; the next one has that index."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens `path`, or makes it. A last line that a crash cut short is removed."""
        self.path = path
        self._file = open(path, "rb" if read_only else "a+b")
        self._starts = array("Q")
        self._file.seek(0)
        end = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._starts.append(end)
            end += len(line)
        if not read_only:
            self._file.truncate(end)
        self._end = end

    def __len__(self) -> int:
        return len(self._starts)

    def append(self, controls: tuple[Control, ...]) -> None:
        """The controls of the next chunk."""
        bodies = [json.loads(control.to_json()) for control in controls]
        line = json.dumps(bodies, separators=(",", ":")).encode() + b"\n"
        self._starts.append(self._end)
        self._file.write(line)
        self._file.flush()
        self._end += len(line)

    def controls(self, chunk: int) -> tuple[Control, ...]:
        """The controls that the making of `chunk` saw; raises IndexError beyond the end."""
        if not 0 <= chunk < len(self):
            raise IndexError(f"chunk {chunk} is not in the journal, which has {len(self)}")
        self._file.seek(self._starts[chunk])
        return _read(self._file.readline())

    def truncate(self, chunks: int) -> None:
        """Forgets every chunk from `chunks` on."""
        if chunks < len(self):
            self._end = self._starts[chunks]
            del self._starts[chunks:]
            self._file.truncate(self._end)

    def records(self, chunks: int) -> Iterator[ControlAt]:
        """The controls of the first `chunks` chunks, as a session file keeps them."""
        with open(self.path, "rb") as file:
            for chunk, line in zip(range(chunks), file, strict=False):
                if line != b"[]\n":
                    yield from (at_chunk(control, chunk) for control in _read(line))

    def copy_to(self, path: Path, chunks: int) -> None:
        """A journal of the first `chunks` chunks alone, in a new file."""
        end = self._starts[chunks] if chunks < len(self) else self._end
        with open(self.path, "rb") as old, open(path, "wb") as new:
            left = end
            while left > 0 and (block := old.read(min(left, 1 << 20))):
                new.write(block)
                left -= len(block)

    def close(self) -> None:
        """Closes the file; the journal stays on disk."""
        self._file.close()


def _read(line: bytes) -> tuple[Control, ...]:
    return tuple(parse_control(json.dumps(body)).message for body in json.loads(line))
