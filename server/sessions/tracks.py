"""The tracks that are alive in a session: which messages fit them, and when their points happen. No I/O."""

from __future__ import annotations

from flowbrush import limits
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.protocol import Control, TrackBegin, TrackEnd, TrackKind, TrackMove, TracksClear
from server.sessions.inbox import Waiting, in_order
from server.sessions.track_times import TrackClock, resolve


class Tracks:
    """Alive as the client sees them (`accept`), with clocks as the chunks see them (`place`)."""

    def __init__(self, chunk_s: float, frame_s: float, begun: tuple[TrackBegin, ...]) -> None:
        """`begun` are the tracks that the stream starts with."""
        self._chunk_s, self._frame_s = chunk_s, frame_s
        self._begun = begun
        self._alive: dict[int, TrackKind] = {track.track: track.kind for track in begun}
        self._path_ends = {track.track: track.points[-1].t for track in begun if track.kind == "path"}
        self._clocks: dict[int, TrackClock] = {}
        self._history: list[tuple[int, TrackBegin | TrackEnd | TracksClear]] = []

    def check(self, control: Control) -> None:
        """Raises ProtocolError when the control does not fit the tracks that are alive."""
        if isinstance(control, TrackBegin):
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
        elif isinstance(control, TrackMove | TrackEnd):
            kind = self._alive.get(control.track)
            if kind is None:
                raise _refused(control, ErrorCode.UNKNOWN_TRACK, "is not there: start it with track.begin")
            if isinstance(control, TrackMove) and kind == "path":
                raise _refused(
                    control, ErrorCode.INVALID_VALUE, "is a path, which is given as a whole: nothing moves it"
                )

    def accept(self, control: Control) -> None:
        """Notes what the control does to the tracks."""
        self._apply(self._alive, control)

    def place(
        self, drained: list[Waiting], chunk: int, screen_s: float | None = None
    ) -> tuple[list[Waiting], list[Waiting]]:
        """Gives live points their stream times in `chunk`: (what it sees, what has to wait). `screen_s` is what the viewer's screen
        shows now, where that is known.

        A release waits until every point of its track has been played.
        """
        start = chunk * self._chunk_s
        for ended in [track for track, end in self._path_ends.items() if end < start]:
            del self._path_ends[ended]  # a path ends by itself
            if self._alive.get(ended) == "path":
                del self._alive[ended]
        seen: list[Waiting] = []
        held: list[Waiting] = []
        placed: set[int] = set()
        for index, waiting in enumerate(drained):
            control = waiting.control
            track = getattr(control, "track", None)
            if track is not None and any(getattr(each.control, "track", None) == track for each in held):
                held.append(waiting)
                continue
            if isinstance(control, TrackEnd) and self._still_plays(control.track, start + self._chunk_s):
                held.append(waiting)
                continue
            if isinstance(control, TrackBegin | TrackMove) and index not in placed:
                group = [index, *_moves_after(drained, index, control.track)]
                self._place_points([drained[each] for each in group], start, screen_s)
                placed.update(group)
            self._note(waiting.control, chunk)
            seen.append(waiting)
        return seen, held

    def _place_points(self, group: list[Waiting], start: float, screen_s: float | None) -> None:
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
        if isinstance(control, TrackBegin | TrackEnd | TracksClear):
            small = (
                control.model_copy(update={"points": control.points[:1]})
                if isinstance(control, TrackBegin)
                else control
            )
            self._history.append((chunk, small))

    def restored(self, controls: tuple[Control, ...], chunk: int) -> None:
        """The journal of an earlier process has these controls at `chunk`."""
        for control in controls:
            self._note(control, chunk)
            self.accept(control)

    def cut(self, chunks: int) -> None:
        """Only the first `chunks` chunks ever were: tracks are alive again as they were at their end."""
        self._history = [(chunk, control) for chunk, control in self._history if chunk < chunks]
        self._alive = {track.track: track.kind for track in self._begun}
        self._clocks = {}
        for _, control in self._history:
            self._apply(self._alive, control)

    @staticmethod
    def _apply(alive: dict[int, TrackKind], control: Control) -> None:
        if isinstance(control, TrackBegin):
            alive[control.track] = control.kind
        elif isinstance(control, TrackEnd):
            alive.pop(control.track, None)
        elif isinstance(control, TracksClear):
            for track in [
                track for track, kind in alive.items() if control.kinds is None or kind in control.kinds
            ]:
                del alive[track]


def _moves_after(drained: list[Waiting], index: int, track: int) -> list[int]:
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
