"""Files that a person names: whether one can be written, before the work begins, and reading no further than one may go."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def check_output(out: Path, *inputs: Path | None) -> None:
    """Raises ValueError where `out` cannot be a file that is written, or is one of the `inputs`. Nothing is changed."""
    for given in inputs:
        if given is not None and out.exists() and given.exists() and out.samefile(given):
            raise ValueError(f"{out} is what is read: name another file to write")
    if out.is_dir():
        raise ValueError(f"{out} is a folder: name a file")
    if not out.parent.is_dir():
        raise ValueError(f"the folder {out.parent} does not exist: make it first")
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise ValueError(f"{out} cannot be written: there is no permission to")
    if not out.exists() or out.is_file():
        _try_making(Path(os.path.realpath(out)))


def _try_making(out: Path) -> None:
    """A file next to it, as it is written at the end: some folders take none, whatever the permissions say, nor every name."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.touch()
        part.unlink()
    except OSError as error:
        raise ValueError(f"{out} cannot be written: {error.strerror or error}") from None


def write_whole(out: Path, text: str) -> None:
    """Writes a file in one step: what is there stays as it is until all of `text` is written. Raises OSError."""
    target = Path(os.path.realpath(out))
    if target.exists() and not target.is_file():  # a device or a pipe has no place to be taken
        target.write_text(text, encoding="utf-8")
        return
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def read_at_most(path: Path, most: int) -> bytes:
    """The bytes of a file. Raises OSError where it cannot be read, or has more than `most`: a device has no end."""
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MB, which is the most that is read", str(path))
    return data
