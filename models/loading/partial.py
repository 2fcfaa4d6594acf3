"""Files that come in parts: what came is kept, however the process ends, and the next one goes on from there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO


class BeingFetched(OSError):
    """Another process is fetching the file."""


def part_of(path: Path, content: str) -> Path:
    """Where what came so far of a file lies. `content` names what it will hold, such as its hash."""
    return path.with_name(f"{path.name}.{content[:16]}.part")


@contextmanager
def partial(path: Path, content: str) -> Iterator[BinaryIO]:
    """What came so far of the file `path`, opened at its end; it takes its place when the block ends without an error.

    What came of other contents of that file is removed. Raises OSError, and BeingFetched where another process writes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path, content)
    with part.open("ab") as file:
        _lock(file, part)
        for other in path.parent.glob(f"{escape(path.name)}.*.part"):
            own = other.name.count(".") == part.name.count(".")  # not of weights.pt.index.json for weights.pt
            if own and other != part:
                other.unlink()
        yield file
        file.flush()
        os.fsync(file.fileno())
        os.replace(part, path)


def _lock(file: BinaryIO, part: Path) -> None:
    """The system takes the lock back however this process ends. One that had it a moment ago may have moved the file.

    Where a file system has no locks nothing is asked: who fetches looks at what came of it anyway.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BeingFetched(f"{part.name} is being written by another process") from None
    except OSError:
        return
    if not (part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat())):
        raise BeingFetched(f"{part.name} was completed by another process just now")
