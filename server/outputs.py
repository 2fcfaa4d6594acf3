"""What this process says to stdout and stderr: nobody who reads it, and no disk that keeps it, can hold the server up.

A log on a full disk, or a pipe whose reader has gone, raises from every write and every flush; and a process that is about to be
started flushes both first, so that no lost worker would ever be replaced. A pipe whose reader stands still is worse: whoever
writes to it stands, too, which is the event loop.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Callable

PATIENCE_S = 0.05
"""How long a reader may be busy before lines are left out; once that was so they are until it reads again."""

AT_ONCE = select.PIPE_BUF
"""Bytes that a pipe takes without waiting when it can be written to."""


class Output(io.RawIOBase):
    """A file descriptor that takes everything at once. What its other end does not take is left out, and counted."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.told: Callable[[int], str] = "flowbrush: {} lines could not be written".format
        """what is said of so many lines that are missing"""
        self._descriptor = descriptor
        self._stuck = False
        self._torn = False
        self._lost = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]  # bytes are all that comes
        """The number of bytes of `data`, whatever became of them. Raises nothing."""
        try:
            if self._lost:
                self._send(b"\n" * self._torn + self.told(self._lost).encode() + b"\n")
                self._lost = 0
            self._send(bytes(data))
            self._stuck = False
        except OSError:
            self._stuck = True
            self._lost += 1
        return len(data)

    def _send(self, data: bytes) -> None:
        """Raises OSError where it is not taken."""
        whole = len(data)
        try:
            while data:
                if not self._takes():
                    raise BlockingIOError
                data = data[os.write(self._descriptor, data[:AT_ONCE]) :]
        finally:
            self._torn = 0 < len(data) < whole or (self._torn and len(data) == whole)

    def _takes(self) -> bool:
        """Whether something can be written without waiting. A file always says so, also on a full disk."""
        patience_s = 0.0 if self._stuck else PATIENCE_S
        return bool(select.select([], [self._descriptor], [], patience_s)[1])


def tell_as(told: Callable[[int], str]) -> None:
    """What stderr says of lines that are missing there is put by `told`, as the lines of a log are that goes there."""
    if isinstance(output := getattr(sys.stderr, "buffer", None), Output):
        output.told = told


def never_wait() -> None:
    """From here on stdout and stderr are such outputs, where they are the process's own and open."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream is not getattr(sys, f"__{name}__"):
            continue  # closed, or somebody else's: a test's
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError):
            continue
        with contextlib.suppress(OSError):
            stream.flush()
        output = io.TextIOWrapper(
            Output(descriptor),  # type: ignore[type-var]  # it needs no buffer
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=True,
            write_through=True,
        )
        setattr(sys, name, output)
        setattr(sys, f"__{name}__", output)
