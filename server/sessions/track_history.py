"""What became of a session's tracks, for a stream that goes back. No I/O.

Memory keeps the latest changes, whatever the stream's age; what was further back is read from the log again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flowbrush.protocol import Control, TrackBegin, TrackEnd, TrackKind, TracksClear

KEPT = 1024
"""So many changes are kept, up to twice as many, and those of chunks that are not on disk yet."""

KINDS: tuple[TrackKind, ...] = ("drag", "pin", "path")


class Held(NamedTuple):
    """A track that is there: its kind, how many points it moves, and when a path ends (seconds of the stream)."""

    kind: TrackKind
    points: int
    ends: float | None


There = dict[int, Held]
"""The tracks that are there, by number."""


class _Change(NamedTuple):
    """What `chunk` saw: `track` is there as `held` says, or is gone; without a number those of `kinds` are gone."""

    chunk: int
    track: int | None = None
    held: Held | None = None
    kinds: tuple[TrackKind, ...] = ()


class TrackHistory:
    """Of one session."""

    def __init__(self, chunk_s: float, begun: tuple[TrackBegin, ...]) -> None:
        """`begun` are the tracks that the stream starts with; a chunk lasts `chunk_s` seconds."""
        self._chunk_s = chunk_s
        self._begun = {track.track: held_by(track, 0.0) for track in begun}
        self._since, self._before = 0, self._begun
        """so many chunks are no longer told apart, and what was there at their end"""
        self._changes: list[_Change] = []
        """later ones, in the order of their chunks"""
        self._recalled: tuple[int, There] | None = None

    def __len__(self) -> int:
        """How much is kept."""
        return len(self._changes) + len(self._before)

    def note(self, control: Control, chunk: int) -> None:
        """The making of `chunk`, the latest, sees this control."""
        if isinstance(control, TrackBegin):
            held = held_by(control, chunk * self._chunk_s)
            self._changes.append(_Change(chunk, control.track, held))
        elif isinstance(control, TrackEnd):
            self._changes.append(_Change(chunk, control.track))
        elif isinstance(control, TracksClear):
            kinds = KINDS if control.kinds is None else control.kinds
            self._changes.append(_Change(chunk, kinds=kinds))

    def written(self, chunks: int) -> None:
        """The first `chunks` chunks are in the log on disk, so that memory need not tell them apart for ever."""
        if len(self._changes) <= 2 * KEPT:
            return
        since = min(chunks, self._changes[-KEPT].chunk)
        if since > self._since:
            self._before = self._at(since)
            self._since = since
            self._changes = [each for each in self._changes if each.chunk >= since]

    def knows(self, chunks: int) -> bool:
        """Whether memory can tell what was there at the end of the first `chunks` chunks."""
        return chunks == 0 or chunks >= self._since or self._recalls(chunks)

    def recalled(self, chunks: int, there: There) -> None:
        """The log was read: what was there at the end of the first `chunks` chunks."""
        self._recalled = chunks, there

    def cut(self, chunks: int) -> There:
        """Only the first `chunks` chunks ever were; returns what was there at their end: nothing, where memory does not know."""
        if chunks < self._since:
            known = self._recalled[1] if self._recalled is not None and self._recalls(chunks) else {}
            self._since, self._before = chunks, known if chunks else self._begun
        self._recalled = None
        self._changes = [each for each in self._changes if each.chunk < chunks]
        return self._at(chunks)

    def _recalls(self, chunks: int) -> bool:
        return self._recalled is not None and self._recalled[0] == chunks

    def _at(self, chunks: int) -> There:
        """What was there at the end of the first `chunks` chunks, `_since` or more. Paths end by themselves."""
        there = dict(self._before)
        for change in self._changes:
            if change.chunk >= chunks:
                break
            if change.held is not None and change.track is not None:
                there[change.track] = change.held
            elif change.track is not None:
                there.pop(change.track, None)
            else:
                there = {track: held for track, held in there.items() if held.kind not in change.kinds}
        now = chunks * self._chunk_s
        return {track: held for track, held in there.items() if held.ends is None or held.ends >= now}


def held_by(track: TrackBegin, start_s: float) -> Held:
    """The track as it is there from `start_s` (seconds of the stream) on."""
    points = 1 if track.grid is None else track.grid.rows * track.grid.cols
    return Held(track.kind, points, start_s + track.points[-1].t if track.kind == "path" else None)


def there_after(
    chunks: int, chunk_s: float, begun: tuple[TrackBegin, ...], log: Iterable[tuple[int, Control]]
) -> There:
    """What is there at the end of the first `chunks` chunks of a `log` of (chunk, control) that has no others."""
    history = TrackHistory(chunk_s, begun)
    for chunk, control in log:
        history.note(control, chunk)
        history.written(chunk)
    return history.cut(chunks)
