"""When a session wants its next chunk: its pacer, its pause, and how long it has to wait. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass

from flowbrush.server.sessions.pacing import Pacer

NEVER = float("inf")
SLOW_FACTOR = 1.15
"""A chunk that was wanted all the time and took longer than so many times its own length was slow."""

HEADSTART_S = 3.0
"""A stream that jumps makes its next chunk at once, until chunks that show so much were made so: from then on no faster than time
passes. So one that starts over without end is no more work than one that plays.
"""

KEPT = 64
"""Chunks of which it is known when their making began: more than may wait for an encoder."""


@dataclass(frozen=True)
class Waited:
    """How long a chunk that is made had to wait for others (seconds), and whether it was slow; None where nobody waited for it."""

    seconds: float
    slow: bool | None


class Pace:
    """One session's."""

    def __init__(self, expected_s: float, chunk_s: float, paused: bool = False) -> None:
        """`expected_s` is a first guess of how long a chunk takes that shows `chunk_s` seconds."""
        self.paused = paused
        self.rate = 1.0
        """the share of real time that is asked for; what is less leaves room for others"""
        self._chunk_s = chunk_s
        self._pacer = Pacer(expected_s, chunk_s)
        self._steps_left = 0
        self._due = self._ready_at = NEVER
        """when the next chunk is wanted, and since when it could be made but for others"""
        self._waited_s = 0.0
        self._last_began = -NEVER
        self._jumped = False
        """whether no chunk has begun since the stream jumped"""
        self._at_once_s = 0.0
        """what first chunks after jumps have shown, beyond the time that has passed, as of `_at_once`"""
        self._at_once = 0.0
        self._began: dict[int, tuple[float, float]] = {}
        """chunk → when its making began, and how long it had waited for others by then"""

    @property
    def stands(self) -> bool:
        """Whether no chunk is wanted: it is paused, and all steps that were asked for are made."""
        return self.paused and self._steps_left == 0

    # ---- what the client wants

    def pause(self) -> None:
        self.paused, self._steps_left = True, 0

    def play(self, pts: float) -> None:
        self.paused, self._steps_left = False, 0
        self._pacer.go_on(pts)

    def step(self, chunks: int, pts: float) -> None:
        self._steps_left = chunks
        self._pacer.go_on(pts)

    def stop_steps(self, pts: float) -> None:
        """The stream jumps: steps that are left are not made."""
        self._steps_left = 0
        self.restart(pts)

    def come(self, pts: float) -> None:
        """A client comes, or comes back, that has all before `pts`."""
        self._pacer.come(pts)

    def restart(self, pts: float) -> None:
        """The stream goes on at `pts`."""
        self._pacer.restart(pts)

    def caught_up(self, end_pts: float, now: float) -> None:
        """Who comes back gets the frames up to `end_pts` that it has missed: its playhead may move as far."""
        self._pacer.sent(end_pts, now)

    def report(self, pts: float, now: float) -> None:
        self._pacer.report(pts, now)

    def on_screen(self, now: float) -> float | None:
        """What the viewer's screen shows, where that is known (seconds)."""
        return self._pacer.on_screen(now)

    def awaits_report(self, pts: float, now: float) -> bool:
        """Whether the chunk that begins at `pts` waits for a viewer who has ceased to say where it is."""
        return self._pacer.stands(pts, now)

    # ---- the making of a chunk

    def due(self, pts: float, now: float) -> float | None:
        """When the chunk that begins at `pts` should be started; None when none is wanted."""
        if self.stands:
            return None
        self._due = self._pacer.due(pts, now)
        if self._jumped:
            self._due = max(self._due, self._at_once + self._at_once_s - HEADSTART_S)
        if self.rate < 1.0:
            self._due = max(self._due, self._last_began + self._chunk_s / self.rate)
        return self._due

    def not_ready(self) -> None:
        """The state for the next chunk is not there."""
        self._ready_at = NEVER
        self._jumped = True

    def taken(self, chunk: int, new: bool, now: float) -> None:
        """The making of a chunk begins; one that is `new` was not made before."""
        if new and self._steps_left > 0:
            self._steps_left -= 1
        self._waited_s = max(0.0, now - max(self._due, self._ready_at))
        self._began[chunk] = now, self._waited_s
        if new and self._jumped:
            self._jumped = False
            self._at_once_s = max(0.0, self._at_once_s - (now - self._at_once)) + self._chunk_s
            self._at_once = now
        self._last_began = now
        while len(self._began) > KEPT:
            del self._began[next(iter(self._began))]

    def made(self, now: float) -> Waited:
        """It is made."""
        slow = None
        if self._ready_at < NEVER and self._due < NEVER and not self.stands:
            wanted_s = now - max(self._due, self._ready_at)
            slow = self._due <= self._ready_at and wanted_s > SLOW_FACTOR * self._chunk_s / self.rate
        self._due, self._ready_at = NEVER, now
        return Waited(self._waited_s, slow)

    def began(self, chunk: int, now: float) -> float:
        """When the making of `chunk` began, as far as that is known."""
        return self._began.get(chunk, (now, 0.0))[0]

    def sent(self, chunk: int, end_pts: float, first: bool, now: float) -> bool:
        """A frame that ends at `end_pts` is on its way, the `first` of its chunk or a later one. True where that chunk missed its
        time: the viewer had run dry.
        """
        if first:
            began, waited_s = self._began.get(chunk, (now, 0.0))
            self._pacer.measured(now - began + min(waited_s, self._chunk_s))
        dry = self._pacer.sent(end_pts, now)
        return first and dry
