"""What logs, or recordings, of all running sessions may take together: only those of ended ones can be removed to make room."""

from __future__ import annotations

import threading
from pathlib import Path


class Room:
    """So many bytes. Half of them are anybody's. Once these are taken who has more than an equal share of them grows no more, and
    the others go on in the other half: nobody takes the place of those who come later.
    """

    def __init__(self, total: int = 1 << 62) -> None:
        self.total = total
        self._lock = threading.Lock()
        self._sizes: dict[Path, int] = {}

    def note(self, path: Path, size: int) -> None:
        """One has so many bytes now."""
        with self._lock:
            self._sizes[path] = size

    def leave(self, path: Path) -> None:
        """Its session does not run any more."""
        with self._lock:
            self._sizes.pop(path, None)

    def lacks(self, path: Path, size: int) -> bool:
        """Whether one must not become so large."""
        with self._lock:
            others = [each for other, each in self._sizes.items() if other != path]
            taken, free = sum(others) + size, self.total // 2
            return taken > self.total or (taken > free and size > free // (len(others) + 1))
