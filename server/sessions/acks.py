"""Which frame shows which control. No I/O.

A control is pending from the chunk that saw it until the generator names its first frame; what was joined
or superseded goes with its successor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from flowbrush.pipelines.requests import Applied
from flowbrush.server.sessions.pending_controls import PendingControl

LATE_CHUNKS = 2
"""A control that the generator has not named after so many chunks counts as shown by the next frame."""

KEPT = 4096
"""So many are remembered, the newest: what a hand does, 60 times a second, while the box of a client that sees nothing fills."""


@dataclass(frozen=True)
class Shown:
    """A control id, its first frame, and when it was accepted (None after a restart)."""

    id: int
    frame: int
    since: float | None


@dataclass
class _Group:
    chunk: int
    key: int | None
    ids: list[int]
    since: list[float]


@dataclass
class Acks:
    """The acknowledgements of one session."""

    _pending: list[_Group] = field(default_factory=list)
    _shown: list[tuple[int, int]] = field(default_factory=list)
    """(first frame, id), both growing"""

    def saw(self, waiting: PendingControl, chunk: int) -> None:
        """The making of `chunk` sees this control."""
        if waiting.ids:
            self._pending.append(_Group(chunk, waiting.control.id, waiting.ids, waiting.since))

    def restored(self, id: int, chunk: int) -> None:
        """The log of an earlier process has this control at `chunk`."""
        self._pending.append(_Group(chunk, id, [id], []))
        if len(self._pending) > 2 * KEPT:
            del self._pending[:-KEPT]

    def attached(self, chunk: int, chunk_frames: int) -> None:
        """The client has all before `chunk`: of what was restored there it was told."""
        had = [group for group in self._pending if not group.since and group.chunk < chunk]
        self._pending = [group for group in self._pending if group.since or group.chunk >= chunk]
        self._note((group.chunk * chunk_frames, id) for group in had for id in group.ids)

    def made(self, chunk: int, first_frame: int, frames: int, applied: Iterable[Applied]) -> list[Shown]:
        """What `chunk` shows for the first time, in the order of frames."""
        frame_of = {each.id: min(max(each.frame, first_frame), first_frame + frames - 1) for each in applied}
        found: list[Shown] = []
        pending = []
        for group in self._pending:
            frame = frame_of.get(group.key) if group.key is not None else None
            late = group.chunk + LATE_CHUNKS <= chunk or (group.key is None and group.chunk <= chunk)
            if frame is None and not late:
                pending.append(group)
                continue
            at = first_frame if frame is None else frame
            times: list[float | None] = [*group.since] if group.since else [None] * len(group.ids)
            found += [Shown(id, at, since) for id, since in zip(group.ids, times, strict=True)]
        self._pending = pending
        found.sort(key=lambda shown: shown.frame)
        self._note((shown.frame, shown.id) for shown in found)
        return found

    def _note(self, shown: Iterable[tuple[int, int]]) -> None:
        for frame, id in shown:
            if not self._shown or id > self._shown[-1][1]:
                self._shown.append((frame, id))
        del self._shown[:-KEPT]

    def shown_by(self, frame: int) -> int:
        """The id for the packet header of `frame`: the last control that it shows, 0 for none."""
        for first, id in reversed(self._shown):
            if first <= frame:
                return id
        return 0

    def cut(self, frame: int) -> list[int]:
        """Frames from `frame` on never were: returns the ids that waited for theirs."""
        lost = [id for group in self._pending for id in group.ids]
        self._pending = []
        self._shown = [(first, id) for first, id in self._shown if first < frame]
        return lost
