"""The chunks whose controls are fixed, and the states that are kept of them. No I/O: what is written comes back as an event."""

from __future__ import annotations

from flowbrush.protocol import Control, TrackBegin, TrackMove
from flowbrush.server.sessions.effects import Append

MAX_UNWRITTEN_CHUNKS = 256
MAX_UNWRITTEN_POINTS = 16_384
"""So much is kept in memory while the disk takes nothing; about a minute."""

SNAPSHOTS_KEPT = 2


class History:
    """`asked` chunks are fixed; the last of them may not be on disk yet."""

    def __init__(self, asked: int = 0) -> None:
        self.asked = asked
        self.snapshots: dict[int, str] = {}
        """chunk → file with the state after it"""
        self.lost: tuple[int, int] | None = None
        """the first and the last chunk of those whose controls nobody knows any more"""
        self._unwritten: list[tuple[Control, ...]] = []
        self._points = 0
        self._writing = 0
        """lines are on their way to the disk, so many times"""
        self._cut_to = self.asked
        """as many chunks of what is on its way still count"""

    @property
    def behind(self) -> bool:
        """Whether something is not on disk yet."""
        return bool(self._unwritten)

    @property
    def on_disk(self) -> int:
        """So many chunks, the first ones, are on disk."""
        return self.asked - len(self._unwritten)

    @property
    def too_far_behind(self) -> bool:
        """Whether memory has kept what it may."""
        return len(self._unwritten) >= MAX_UNWRITTEN_CHUNKS or self._points >= MAX_UNWRITTEN_POINTS

    def fix(self, controls: tuple[Control, ...], last: bool = False) -> list[Append]:
        """The next chunk sees these controls, whatever happens."""
        self._unwritten.append(controls)
        self._points += _points(controls)
        self.asked += 1
        return self.append(last)

    def append(self, last: bool = False) -> list[Append]:
        """What is to be written now. While lines are on their way it is nothing, but the `last` time what is newer."""
        newer = self.asked > self._cut_to
        if not self._unwritten or (self._writing and not (last and newer)):
            return []
        if not self._writing:
            self._cut_to = self.asked
        self._writing += 1
        return [Append(self.on_disk, tuple(self._unwritten))]

    def in_memory(self, chunk: int) -> tuple[Control, ...] | None:
        """The controls of a chunk that is not on disk yet; None for one that is."""
        index = chunk - self.on_disk
        return self._unwritten[index] if index >= 0 else None

    def not_written(self) -> None:
        """What was on its way did not get there."""
        self._writing -= 1

    def written(self, chunks: int) -> None:
        """The first `chunks` are on disk, as they were when they were sent there."""
        self._writing -= 1
        keep = max(0, self.asked - min(chunks, self._cut_to))
        self._unwritten = self._unwritten[len(self._unwritten) - keep :]
        self._points = sum(map(_points, self._unwritten))

    def lose(self, first: int, last: int) -> None:
        """The log has lost these chunks."""
        before = self.lost or (first, last)
        self.lost = min(first, before[0]), max(last, before[1])
        self._forget_lost()

    def _forget_lost(self) -> None:
        if self.lost is not None:
            first, last = self.lost[0], min(self.lost[1], self.asked - 1)
            self.lost = (first, last) if first <= last else None

    def can_reach(self, chunk: int) -> bool:
        """Whether what is known brings a stream to the end of `chunk`."""
        if self.lost is None or chunk < self.lost[0]:
            return True
        return any(self.lost[1] <= saved <= chunk for saved in self.snapshots)

    def saved(self, chunk: int, path: str) -> tuple[str, ...]:
        """A snapshot is there; returns the files of those that are of no use now."""
        self.snapshots[chunk] = path
        return tuple(self.snapshots.pop(old) for old in sorted(self.snapshots)[:-SNAPSHOTS_KEPT])

    def drop_snapshots(self) -> tuple[str, ...]:
        """Trusts the log alone; returns the files that can go."""
        paths = tuple(self.snapshots.values())
        self.snapshots.clear()
        return paths

    def newest_before(self, chunk: int) -> str | None:
        """The newest snapshot of a state in which `chunk` is still to be made."""
        usable = [saved for saved in self.snapshots if saved < chunk]
        return self.snapshots[max(usable)] if usable else None

    def cut(self, chunks: int) -> tuple[str, ...]:
        """Only the first `chunks` ever were; returns the files of snapshots that can go."""
        drop = max(0, self.asked - chunks)
        if drop:
            self._unwritten = self._unwritten[: max(0, len(self._unwritten) - drop)]
            self._points = sum(map(_points, self._unwritten))
        self.asked = min(self.asked, chunks)
        self._cut_to = min(self._cut_to, self.asked)
        self._forget_lost()
        return tuple(self.snapshots.pop(saved) for saved in list(self.snapshots) if saved >= chunks)


def _points(controls: tuple[Control, ...]) -> int:
    return len(controls) + sum(
        len(each.points) for each in controls if isinstance(each, TrackBegin | TrackMove)
    )
