"""A part of a recording as a file of its own: whole fragments, with times that begin at 0. Nothing is encoded again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flowbrush.server.delivery import mp4


@dataclass(frozen=True)
class Fragment:
    """Where a chunk lies in the file."""

    chunk: int
    start: int
    moof: int
    size: int


@dataclass(frozen=True)
class Clip:
    """What of a recording is wanted: the file's header, then these fragments."""

    path: Path
    header: int
    fragments: tuple[Fragment, ...]

    @property
    def size(self) -> int:
        """Bytes of the clip."""
        return self.header + sum(fragment.size for fragment in self.fragments)

    def blocks(self) -> Iterator[bytes]:
        """The clip's bytes. Blocks for reading."""
        with open(self.path, "rb") as file:
            yield file.read(self.header)
            begin = None
            for number, fragment in enumerate(self.fragments, 1):
                file.seek(fragment.start)
                data = file.read(fragment.size)
                begin = mp4.begins_at(data) if begin is None else begin
                yield mp4.moved(data, number, begin)


def clip(path: Path, size: int, first: int, last: int) -> Clip | None:
    """Chunks `first` to `last` of the first `size` bytes of a recording; None when it has none of them.

    A video begins with a key frame: the clip begins with the last chunk up to `first` that has one.
    """
    with open(path, "rb") as file:
        header, fragments = _index(file, size)
        wanted = [each for each in fragments if each.chunk <= last]
        if not wanted or wanted[-1].chunk < first:
            return None
        for begin in range(len(wanted) - 1, -1, -1):
            if wanted[begin].chunk <= first or begin == 0:
                file.seek(wanted[begin].start)
                if mp4.begins_with_key(file.read(wanted[begin].moof)):
                    return Clip(path, header, tuple(wanted[begin:]))
    return None


def _index(file: BinaryIO, size: int) -> tuple[int, list[Fragment]]:
    """Size of the header, and the fragments in the order of their chunks."""
    at, header, fragments = 0, 0, []
    start = chunk = moof = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(24)
        length, kind = struct.unpack_from(">I4s", head)
        if length < 8 or at + length > size:
            break
        if kind == b"moof":
            start, moof, chunk = at, length, mp4.number_of(head) - 1
        elif kind == b"mdat":
            fragments.append(Fragment(chunk, start, moof, at + length - start))
        elif not fragments:
            header = at + length
        at += length
    return header, fragments
