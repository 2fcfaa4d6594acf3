"""The tracks that are alive in a session: which messages fit them, and when their points happen. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from flowbrush import limits
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.pipelines.requests import FIRST_FOLLOWED, is_followed
from flowbrush.protocol import Control, TrackBegin, TrackEnd, TrackKind, TrackMove, TracksClear
from flowbrush.server.sessions.pending_controls import PendingControl, in_order
from flowbrush.server.sessions.track_history import KINDS, There, TrackHistory, held_by
from flowbrush.server.sessions.track_times import TrackClock, resolve

MAX_GRID_POINTS = 1024
"""Points that all tracks together may move; a grid counts each of its own."""

HEAVY_POINTS = 128
"""With more, a chunk is so much work that others should not have to wait for it in one batch."""


class Tracks:
    """Alive as the client sees them (`accept`), with clocks as the chunks see them (`place`)."""

    def __init__(self, chunk_s: float, frame_s: float, begun: tuple[TrackBegin, ...]) -> None:
        """`begun` are the tracks that the stream starts with."""
        self._chunk_s, self._frame_s = chunk_s, frame_s
        self._alive: dict[int, TrackKind] = {}
        self._weights: dict[int, int] = {}
        self._path_ends: dict[int, float] = {}
        self._clocks: dict[int, TrackClock] = {}
        self._history = TrackHistory(chunk_s, begun)
        self._take(self._history.cut(0))

    @property
    def heavy(self) -> bool:
        """Whether the tracks move so many points that the chunk is much more work than another's."""
        return sum(self._weights.values()) > HEAVY_POINTS

    @property
    def alive(self) -> frozenset[int]:
        """The tracks that are there."""
        return frozenset(self._alive)

    def impose(self, control: Control, chunk: int) -> None:
        """The server's own control is seen in `chunk`; its times are the stream's."""
        self._note(control, chunk)
        self.accept(control)

    def check(self, control: Control) -> None:
        """Raises ProtocolError when the control does not fit the tracks that are alive."""
        if isinstance(control, TrackBegin):
            check_number(control)
            if control.track in self._alive:
                raise _refused(
                    control, ErrorCode.TRACK_EXISTS, "is there already: end it first, or take another number"
                )
            if len(self._alive) >= limits.MAX_TRACKS:
                raise _refused(
                    control,
                    ErrorCode.TOO_MANY_TRACKS,
                    f"would be one too many: at most {limits.MAX_TRACKS} at once",
                )
            held, more = sum(self._weights.values()), _weight(control)
            if held + more > MAX_GRID_POINTS:
                raise _refused(
                    control,
                    ErrorCode.TOO_MANY_TRACKS,
                    f"would move {more} point{'s' * (more > 1)} in addition to the {held} that others move: at most "
                    f"{MAX_GRID_POINTS} at once, so end a track first, or take a smaller grid",
                )
        elif isinstance(control, TrackMove | TrackEnd):
            kind = self._alive.get(control.track)
            if kind is None:
                raise _refused(control, ErrorCode.UNKNOWN_TRACK, "is not there: start it with track.begin")
            if isinstance(control, TrackMove) and kind == "path":
                raise _refused(
                    control, ErrorCode.INVALID_VALUE, "is a path, which is given as a whole: nothing moves it"
                )

    def accept(self, control: Control) -> None:
        """Notes what the control does to the tracks that the client knows of."""
        if isinstance(control, TrackBegin):
            self._alive[control.track] = control.kind
            self._weights[control.track] = _weight(control)
        else:
            for track in _ended_by(control, self._alive):
                self._forget(track)

    def _forget(self, track: int) -> None:
        self._alive.pop(track, None)
        self._weights.pop(track, None)

    def place(
        self, drained: list[PendingControl], chunk: int, screen_s: float | None = None
    ) -> tuple[list[PendingControl], list[PendingControl]]:
        """Gives live points their stream times in `chunk`: (what it sees, what has to wait). `screen_s` is what the viewer's screen
        shows now, where that is known.

        A release waits until every point of its track has been played, and what comes after it on the same number waits with it,
        unless that is cleared meanwhile.
        """
        start = chunk * self._chunk_s
        self._end_paths(start, drained)
        seen: list[int] = []
        held: list[int] = []
        placed: set[int] = set()
        for index, waiting in enumerate(drained):
            control, shown = waiting.control, [index]
            if isinstance(control, TracksClear):
                shown = [*_begun_before(drained, held, control), index]
                held = [each for each in held if each not in shown]
            elif self._waits(control, [drained[each].control for each in held], start + self._chunk_s):
                held.append(index)
                continue
            for each in shown:
                now = drained[each].control
                if isinstance(now, TrackBegin | TrackMove) and each not in placed:
                    group = [each, *_moves_after(drained, each, now.track)]
                    self._place_points([drained[one] for one in group], start, screen_s)
                    placed.update(group)
                self._note(drained[each].control, chunk)
            seen += shown
        self._forget_clocks({getattr(drained[each].control, "track", None) for each in held})
        return [drained[each] for each in seen], [drained[each] for each in held]

    def _forget_clocks(self, waiting: set[int | None]) -> None:
        """Those of tracks that are gone, and of which nothing waits."""
        for track in self._clocks.keys() - self._alive.keys() - waiting:
            del self._clocks[track]

    def _end_paths(self, start: float, drained: list[PendingControl]) -> None:
        """A path ends by itself; another that the client has begun on its number since does not end with it."""
        begun = {each.control.track for each in drained if isinstance(each.control, TrackBegin)}
        for ended in [track for track, end in self._path_ends.items() if end < start]:
            del self._path_ends[ended]
            if ended not in begun:
                self._forget(ended)

    def _waits(self, control: Control, held: list[Control], end: float) -> bool:
        """Whether a control cannot be seen before `end`, when others of its track may be `held` already."""
        track = getattr(control, "track", None)
        if track is not None and any(getattr(each, "track", None) == track for each in held):
            return True
        return isinstance(control, TrackEnd) and self._still_plays(control.track, end)

    def _place_points(self, group: list[PendingControl], start: float, screen_s: float | None) -> None:
        """Resolves the points of one track that came since the last chunk, together."""
        first = group[0].control
        assert isinstance(first, TrackBegin | TrackMove)
        if isinstance(first, TrackBegin):
            self._clocks[first.track] = clock = TrackClock()
            if first.kind == "path":
                self._path_ends[first.track] = start + first.points[-1].t
                return
            self._path_ends.pop(first.track, None)
            if first.kind == "pin":  # a pin holds from the chunk's first frame on
                clock.shift_s = start - first.points[0].t
        clock = self._clocks.setdefault(first.track, TrackClock())
        times: list[float] = []
        for waiting in group:
            assert isinstance(waiting.control, TrackBegin | TrackMove)
            times += [point.t for point in in_order(waiting.control.points, times[-1] if times else 0.0)]
        resolved = iter(resolve(times, clock, start, self._chunk_s, self._frame_s, screen_s))
        for waiting in group:
            control = waiting.control
            assert isinstance(control, TrackBegin | TrackMove)
            points = tuple(point.model_copy(update={"t": next(resolved)}) for point in control.points)
            waiting.control = control.model_copy(update={"points": points})

    def _still_plays(self, track: int, end: float) -> bool:
        clock = self._clocks.get(track)
        return clock is not None and clock.last_s is not None and clock.last_s >= end

    def _note(self, control: Control, chunk: int) -> None:
        """Keeps what a rewind must know."""
        self._history.note(control, chunk)
        if isinstance(control, TrackEnd):
            self._path_ends.pop(control.track, None)
        elif isinstance(control, TracksClear) and (control.kinds is None or "path" in control.kinds):
            self._path_ends.clear()

    # ---- what was there before

    def written(self, chunks: int) -> None:
        """The first `chunks` chunks are in the log on disk."""
        self._history.written(chunks)

    def restored(self, controls: tuple[Control, ...], chunk: int) -> None:
        """The journal of an earlier process has these controls at `chunk`. When all are told, `cut` is to follow."""
        for control in controls:
            self._history.note(control, chunk)
        self._history.written(chunk)

    def knows(self, chunks: int) -> bool:
        """Whether they can be `cut` to the first `chunks` chunks, or the log has to be read first."""
        return self._history.knows(chunks)

    def recalled(self, chunks: int, there: There) -> None:
        """The log was read: what was there at the end of the first `chunks` chunks."""
        self._history.recalled(chunks, there)

    def cut(self, chunks: int) -> None:
        """Only the first `chunks` chunks ever were: tracks are there again as they were at their end."""
        self._clocks = {}
        self._take(self._history.cut(chunks))

    def _take(self, there: There) -> None:
        self._alive = {track: held.kind for track, held in there.items()}
        self._weights = {track: held.points for track, held in there.items()}
        self._path_ends = {track: held.ends for track, held in there.items() if held.ends is not None}


def check_number(track: TrackBegin, field: str = "track") -> None:
    """Raises ProtocolError for a number by which the server itself moves the picture; `field` is where it stands."""
    if is_followed(track.track):
        text = f"{field} {track.track} is a number of the server's own: take one below {FIRST_FOLLOWED}"
        raise ProtocolError(ErrorCode.OUT_OF_RANGE, text, field=field, id=track.id)


def _weight(track: TrackBegin) -> int:
    return held_by(track, 0.0).points


def _ended_by(control: Control, alive: Mapping[int, str]) -> list[int]:
    if isinstance(control, TrackEnd):
        return [control.track]
    if isinstance(control, TracksClear):
        return [track for track, kind in alive.items() if control.kinds is None or kind in control.kinds]
    return []


def _begun_before(drained: list[PendingControl], held: list[int], clear: TracksClear) -> list[int]:
    """Indexes, out of those `held`, of all that concerns tracks that `clear` takes away although they have not begun yet."""
    kinds = KINDS if clear.kinds is None else clear.kinds
    begins = [drained[each].control for each in held]
    gone = {each.track for each in begins if isinstance(each, TrackBegin) and each.kind in kinds}
    return [each for each in held if getattr(drained[each].control, "track", None) in gone]


def _moves_after(drained: list[PendingControl], index: int, track: int) -> list[int]:
    """Indexes of the moves of `track` after `index`, up to its end or a new beginning."""
    moves = []
    for later in range(index + 1, len(drained)):
        control = drained[later].control
        if getattr(control, "track", None) != track:
            continue
        if not isinstance(control, TrackMove):
            break
        moves.append(later)
    return moves


def _refused(control: TrackBegin | TrackMove | TrackEnd, code: ErrorCode, why: str) -> ProtocolError:
    return ProtocolError(code, f"track {control.track} {why}", field="track", id=control.id)
