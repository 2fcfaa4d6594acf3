"""Files that are open for as long as their session runs, and that somebody else removes, moves or replaces meanwhile."""

from __future__ import annotations

import os
from io import BufferedRandom
from pathlib import Path
from typing import TextIO

BLOCK = 1 << 20


def taken_away(file: BufferedRandom | TextIO, path: Path) -> bool:
    """Whether what is open as `file` is no longer what stands at `path`. Raises OSError where that cannot be told.

    Not told by inodes: there are file systems that give a file another one whenever it is looked at.
    """
    here = os.fstat(file.fileno())
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    return here.st_nlink == 0 or there.st_size != here.st_size


def put_back(file: BufferedRandom, path: Path) -> BufferedRandom:
    """Writes all that `file` holds into a new file at `path`, and returns that, open in its place. Raises OSError; nothing has
    changed then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        at = 0
        with open(part, "wb") as new:
            while block := os.pread(file.fileno(), BLOCK, at):
                new.write(block)
                at += len(block)
        again = open(part, "a+b")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    file.close()
    return again
