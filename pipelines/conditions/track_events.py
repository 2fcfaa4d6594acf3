"""Whether the events of a session file's tracks fit each other: nothing that a live stream would have refused."""

from __future__ import annotations

from flowbrush.controls import Control, TrackBegin, TrackEnd, TrackMove, TracksClear
from flowbrush.session_file import SessionFile

FOREVER = float("inf")


def check_tracks(session: SessionFile, chunk_s: float) -> None:
    """Raises ValueError for the first event of a track that cannot be; `chunk_s` is how long a chunk lasts (seconds).

    An end that comes after its track was cleared, or had come to its own end, is none of these: a live stream logs a release
    when its last point has been played.
    """
    alive = {track.track: _Alive(track, 0.0, "start.tracks") for track in session.start.tracks}
    known = set(alive)
    for index, control in enumerate(session.controls):
        start = control.chunk * chunk_s
        _forget_ended(control, alive, start)
        wrong = _wrong(control, alive, known)
        if wrong:
            raise ValueError(f"controls[{index}] ({control.type} at chunk {control.chunk}): {wrong}")
        if isinstance(control, TrackBegin):
            where = f"controls[{index}], at chunk {control.chunk},"
            alive[control.track] = _Alive(control, start, where)
            known.add(control.track)
        elif isinstance(control, TrackEnd):
            alive.pop(control.track, None)
        elif isinstance(control, TracksClear):
            gone = control.kinds
            alive = {n: track for n, track in alive.items() if gone is not None and track.kind not in gone}


def _forget_ended(control: Control, alive: dict[int, _Alive], start: float) -> None:
    """Takes the track of an event out of those that are there where it is a path that ended before."""
    if isinstance(control, TrackBegin | TrackMove | TrackEnd):
        track = alive.get(control.track)
        if track is not None and track.until < start:
            del alive[control.track]


class _Alive:
    """A track that is there: until when (seconds), and where it began."""

    def __init__(self, begin: TrackBegin, start: float, where: str) -> None:
        self.kind, self.where = begin.kind, where
        self.until = start + begin.points[-1].t if begin.kind == "path" else FOREVER


def _wrong(control: Control, alive: dict[int, _Alive], known: set[int]) -> str:
    """What is wrong with an event, nothing for one that fits."""
    if not isinstance(control, TrackBegin | TrackMove | TrackEnd):
        return ""
    name, track = f"track {control.track}", alive.get(control.track)
    if isinstance(control, TrackBegin):
        known_since = "" if track is None else track.where
        return (
            known_since and f"{name} is there already, from {known_since} on: end it, or take another number"
        )
    if control.track not in known:
        return f"{name} was never begun: a track.begin with this number must come before"
    if isinstance(control, TrackMove) and track is None:
        return f"{name} is over: begin another one to move it"
    if isinstance(control, TrackMove) and track is not None and track.kind == "path":
        return f"{name} is a path, which is given as a whole: nothing moves it"
    return ""
