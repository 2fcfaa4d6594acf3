"""File descriptors that are kept for what must not fail for want of them: a lost worker is replaced in a full house, too."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DESCRIPTORS = 12
"""Starting a process takes eight, and keeps three of them."""


class Reserve:
    """Some of them, which nobody uses."""

    def __init__(self, count: int = DESCRIPTORS) -> None:
        self._count = count
        self._held: list[int] = []
        self._fill()

    def making(self, make: Callable[[], T]) -> T:
        """What `make` makes, with the descriptors that are kept where there are no others. Raises what it raises."""
        self._fill()
        try:
            return make()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        self.close()
        try:
            return make()
        finally:
            self._fill()

    def close(self) -> None:
        """Gives them back."""
        while self._held:
            os.close(self._held.pop())

    def _fill(self) -> None:
        """As far as there are any."""
        try:
            while len(self._held) < self._count:
                self._held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            return
