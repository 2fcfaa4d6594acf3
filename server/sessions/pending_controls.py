"""Controls waiting for the next chunk. No I/O; bounded; nothing is dropped.

Of prompts and of camera settings the latest counts. Moves of one track are joined into one with all
their points. Every id that was joined or superseded is kept with its successor, so that it can be
acknowledged with the successor's frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flowbrush import limits
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.protocol import CameraSet, Control, Point, PromptSet, TrackBegin, TrackMove, TracksClear

MAX_WAITING_POINTS = 8192
MAX_WAITING = 512
MAX_WAITING_IDS = 4096
"""Ids that wait for their frame, those of joined and superseded controls among them."""


@dataclass
class PendingControl:
    """A control, the ids that it speaks for, and when each was accepted (seconds)."""

    control: Control
    ids: list[int] = field(default_factory=list)
    since: list[float] = field(default_factory=list)


class PendingControls:
    """One session's controls between two chunks."""

    def __init__(self) -> None:
        self._waiting: list[PendingControl] = []
        self._points = self._ids = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def prompt(self) -> PromptSet | None:
        """The prompt that waits."""
        return next((each.control for each in self._waiting if isinstance(each.control, PromptSet)), None)

    def put(self, control: Control, now: float) -> None:
        """Takes a control; raises ProtocolError (rate_limited) when too much waits already."""
        points = _points(control)
        full = self._points + points > MAX_WAITING_POINTS or self._ids >= MAX_WAITING_IDS
        if full or len(self._waiting) >= MAX_WAITING:
            raise ProtocolError(
                ErrorCode.RATE_LIMITED,
                f"too many controls wait for the next chunk (at most {MAX_WAITING} with "
                f"{MAX_WAITING_POINTS} points and {MAX_WAITING_IDS} ids): send fewer, or resume the session",
                id=control.id,
            )
        self._points += points
        self._ids += control.id is not None
        new = (
            PendingControl(control, [], [])
            if control.id is None
            else PendingControl(control, [control.id], [now])
        )
        if isinstance(control, TrackMove) and self._join(control, new):
            return
        if isinstance(control, PromptSet | CameraSet):
            for old in [each for each in self._waiting if type(each.control) is type(control)]:
                new.ids[:0], new.since[:0] = old.ids, old.since
                self._waiting.remove(old)
        self._waiting.append(new)

    def _join(self, move: TrackMove, new: PendingControl) -> bool:
        """Adds the points to the newest waiting control about the track, if that is a move."""
        for waiting in reversed(self._waiting):
            old = waiting.control
            if isinstance(old, TracksClear) or getattr(old, "track", None) == move.track:
                break
        else:
            return False
        if not isinstance(old, TrackMove) or len(old.points) + len(move.points) > limits.MAX_POINTS:
            return False
        points = old.points + in_order(move.points, old.points[-1].t)
        newest = move.id if move.id is not None else old.id
        waiting.control = old.model_copy(update={"points": points, "id": newest})
        waiting.ids += new.ids
        waiting.since += new.since
        return True

    def drain(self) -> list[PendingControl]:
        """Everything that waits, in the order in which it came."""
        waiting, self._waiting, self._points, self._ids = self._waiting, [], 0, 0
        return waiting

    def hold(self, waiting: list[PendingControl]) -> None:
        """Puts back, in front, what cannot be shown by this chunk yet."""
        self._waiting[:0] = waiting
        self._ids += sum(len(each.ids) for each in waiting)
        self._points += sum(_points(each.control) for each in waiting)


def _points(control: Control) -> int:
    return len(control.points) if isinstance(control, TrackBegin | TrackMove) else 0


def in_order(points: tuple[Point, ...], earliest: float) -> tuple[Point, ...]:
    """The points with times not before `earliest`: a screen that jumps back must not reorder a path."""
    return tuple(
        point if point.t >= earliest else point.model_copy(update={"t": earliest}) for point in points
    )
