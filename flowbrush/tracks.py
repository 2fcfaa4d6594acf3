"""Handles of tracks: what `drag`, `pin` and `path` give."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field

from flowbrush.acks import Ack
from flowbrush.arguments import Listed, checks_arguments
from flowbrush.controls import Point, TrackBegin, TrackEnd, TrackMove
from flowbrush.errors import ErrorCode, ServerError, SessionEnded
from flowbrush.messages import Coordinate, Seconds, TrackKind

if TYPE_CHECKING:
    from flowbrush.session import Session

Place = Annotated[tuple[Coordinate, Coordinate], Listed]
Places = Annotated[Sequence[Place], Listed]
Way = Annotated[Places, Field(min_length=1)]

SAMPLE_S = (
    1 / 60
)  # how often `drag_along` moves the hand: as often as a mouse on a screen of 60 Hz, several times a frame


@checks_arguments
class Track:
    """A track of a stream. Awaiting it, or entering it with `async with`, begins it; leaving releases it.

    `ack` is the acknowledgement of its beginning.
    """

    ack: Ack

    def __init__(self, stream: Session, kind: TrackKind, points: Sequence[Point], **taking: Any) -> None:
        """`taking` are further fields of `track.begin`: grid, region, add, remove."""
        self._stream = stream
        self._begin = TrackBegin(track=stream.next_track(), kind=kind, points=tuple(points), **taking)
        self._begun = False
        self._released = False

    @property
    def number(self) -> int:
        """The track's number in the protocol."""
        return self._begin.track

    def __await__(self) -> Generator[Any, None, Self]:
        return self._start().__await__()

    async def _start(self) -> Self:
        if not self._begun:
            self._begun = True
            self.ack = await self._stream.control(self._begin)
        return self

    async def __aenter__(self) -> Self:
        return await self._start()

    async def __aexit__(self, *exc: object) -> None:
        with contextlib.suppress(SessionEnded):  # the track ended with its session
            await self.release()

    async def release(self) -> Ack | None:
        """Let go of the point. None when there is nothing to let go of any more.

        So it is when it was released before, when a path came to its end, and when the track was taken away: by
        `clear_tracks`, `reset` or `set_image`, or by a `rewind` to before it began.
        """
        if self._released or not self._begun:
            return None
        self._released = True
        try:
            return await self._stream.control(TrackEnd(track=self.number))
        except ServerError as error:
            if error.code != ErrorCode.UNKNOWN_TRACK:
                raise
            return None


@checks_arguments
class Drag(Track):
    """A point that is moved live."""

    async def move(self, x: Coordinate, y: Coordinate, *, visible: bool = True) -> None:
        """The hand is at (x, y) now. Not acknowledged one by one: `release` and `begin` are."""
        await self.move_through([Point(t=self._stream.now, x=x, y=y, visible=visible)])

    async def move_through(self, points: Sequence[Point]) -> None:
        """Samples of the hand with their own times, in pts on screen."""
        if not self._begun:
            raise RuntimeError("this drag has not begun: use `async with`, or await it first")
        if self._released:
            raise RuntimeError("this drag was released, and moves nothing any more: begin another one")
        await self._stream.send(TrackMove(track=self.number, points=tuple(points)))

    async def move_along(self, points: Way, seconds: Seconds) -> None:
        """Move through the points at an even pace, for so many seconds of this machine's clock."""
        loop = asyncio.get_running_loop()
        began, pts = loop.time(), self._stream.now
        while True:
            elapsed = loop.time() - began
            x, y = _along(points, elapsed / seconds if seconds else 1.0)
            await self.move_through([Point(t=pts + min(elapsed, seconds), x=x, y=y)])
            if elapsed >= seconds:
                return
            await asyncio.sleep(min(SAMPLE_S, seconds - elapsed))


def _along(points: Places, share: float) -> tuple[float, float]:
    """The place at `share` (0 to 1) of a line through the points, each leg taking the same time."""
    place = min(max(share, 0.0), 1.0) * (len(points) - 1)
    leg = min(int(place), len(points) - 2) if len(points) > 1 else 0
    if len(points) == 1:
        return points[0]
    (x0, y0), (x1, y1) = points[leg], points[leg + 1]
    part = place - leg
    return x0 + (x1 - x0) * part, y0 + (y1 - y0) * part
