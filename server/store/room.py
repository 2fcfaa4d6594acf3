"""What the logs of all running sessions may take together: only those of ended ones can be removed to make room."""

from __future__ import annotations

import threading
from pathlib import Path


class Room:
    """So many bytes. While they are taken the largest grows no more, and its session ends sooner or later; the others go on."""

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
            return sum(others) + size > self.total and size >= max(others, default=0)
