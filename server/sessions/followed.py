"""The points of a client's video, as tracks that the server itself moves. No I/O.

They are controls like those of a client and stand in the session's log, so that replays need no video.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flowbrush.limits import MAX_TRACKS
from flowbrush.pipelines.requests import FIRST_FOLLOWED, is_followed
from flowbrush.protocol import Control, Point, TrackBegin, TrackEnd, TrackMove
from flowbrush.server.engine.ipc import SourceChunk
from flowbrush.server.source.tracking import Place, unpacked

STILL = 5e-4
"""A point that has moved less (frame sizes) since it was told last is not told again: so much a tracker trembles."""

CROOKED = 1e-3
"""A way that is nearer to a straight and even one (frame sizes) counts as that."""


class Followed:
    """Which life of which point each of the server's tracks follows, and where it was told to be last."""

    def __init__(self) -> None:
        self._told: dict[int, Place] = {}

    def forget(self) -> None:
        """The stream does not stand where it stood."""
        self._told.clear()

    def controls(
        self, motion: SourceChunk | None, alive: Collection[int], start_s: float, frame_s: float
    ) -> list[Control]:
        """What happens to the server's tracks in the chunk that begins at `start_s`, when those of `alive` are there and the
        video moves so; None for no video. A point that was lost, or has begun anew, lets go, and takes hold a chunk later.
        """
        given: list[Control] = []
        shown = [] if motion is None else [unpacked(motion.pictures[index]) for index in motion.order]
        times = [start_s + index * frame_s for index in range(len(shown))]
        ways = dict(enumerate(zip(*shown, strict=True), FIRST_FOLLOWED)) if shown else {}
        for track in sorted(each for each in alive if is_followed(each)):
            way, told = ways.pop(track, ()), self._told.get(track)
            if told is None or not way or {place[2] for place in way} != {told[2]}:
                self._told.pop(track, None)
                given.append(TrackEnd(track=track))
            elif max(_apart(place, told) for place in way) > STILL:
                first = len(way) - 1 if _is_straight(way, told) else 0
                self._told[track] = way[-1]
                given.append(TrackMove(track=track, points=_points(times[first:], way[first:])))
        room = MAX_TRACKS - len(alive)
        for track, way in ways.items():
            held = [(time, place) for time, place in zip(times, way, strict=True) if place[2] == way[-1][2]]
            if way[-1][2] and room > 0 and track not in alive:
                room -= 1
                self._told[track] = way[-1]
                points = _points([time for time, _ in held], [place for _, place in held])
                given.append(TrackBegin(track=track, kind="drag", points=points))
        return given


def _apart(one: Place, other: Place) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _is_straight(way: Sequence[Place], told: Place) -> bool:
    """Whether it goes evenly from where it was told to be to its last place: that says all, and keeps the log short."""
    last, count = way[-1], len(way)
    return all(
        abs(place[axis] - told[axis] - (last[axis] - told[axis]) * step / count) <= CROOKED
        for step, place in enumerate(way, 1)
        for axis in (0, 1)
    )


def _points(times: Sequence[float], places: Sequence[Place]) -> tuple[Point, ...]:
    return tuple(
        Point(t=round(time, 4), x=round(x, 4), y=round(y, 4))
        for time, (x, y, _) in zip(times, places, strict=True)
    )
