"""When a session wants its next chunk: its pacer, its pause, and whether the server keeps up with it. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from typing import Any

from flowbrush.protocol import Notice
from server.sessions.effects import Count, Say
from server.sessions.pacing import Pacer

NEVER = float("inf")
SLOW_FACTOR = 1.15
"""A chunk that was wanted all the time and took longer than so many times its own length was slow."""

JUDGED_CHUNKS, SLOW_CHUNKS = 24, 12
"""The person is told when so many of so many chunks were slow, and again when none was."""

KEPT = 256


class Pace:
    """One session's."""

    def __init__(self, expected_s: float, chunk_s: float, paused: bool = False) -> None:
        """`expected_s` is a first guess of how long a chunk takes that shows `chunk_s` seconds."""
        self.paused = paused
        self._chunk_s = chunk_s
        self._pacer = Pacer(expected_s, chunk_s)
        self._steps_left = 0
        self._due = self._ready_at = NEVER
        """when the next chunk is wanted, and since when it could be made but for others"""
        self._waited_s = 0.0
        self._began: dict[int, float] = {}
        self._slow: deque[bool] = deque(maxlen=JUDGED_CHUNKS)
        self._told_slow = False

    @property
    def stands(self) -> bool:
        """Whether no chunk is wanted: it is paused, and all steps that were asked for are made."""
        return self.paused and self._steps_left == 0

    # ---- what the client wants

    def pause(self) -> None:
        self.paused, self._steps_left = True, 0

    def play(self, pts: float) -> None:
        self.paused, self._steps_left = False, 0
        self.restart(pts)

    def step(self, chunks: int, pts: float) -> None:
        self._steps_left = chunks
        self.restart(pts)

    def stop_steps(self, pts: float) -> None:
        """The stream jumps: steps that are left are not made."""
        self._steps_left = 0
        self.restart(pts)

    def restart(self, pts: float) -> None:
        """The stream goes on at `pts`."""
        self._pacer.restart(pts)
        self._slow.clear()

    def report(self, pts: float, now: float) -> None:
        self._pacer.report(pts, now)

    def on_screen(self, now: float) -> float | None:
        """What the viewer's screen shows, where that is known (seconds)."""
        return self._pacer.on_screen(now)

    # ---- the making of a chunk

    def due(self, pts: float, now: float) -> float | None:
        """When the chunk that begins at `pts` should be started; None when none is wanted."""
        if self.stands:
            return None
        self._due = self._pacer.due(pts, now)
        return self._due

    def not_ready(self) -> None:
        """The state for the next chunk is not there."""
        self._ready_at = NEVER

    def taken(self, chunk: int, new: bool, now: float) -> None:
        """The making of a chunk begins; one that is `new` was not made before."""
        if new and self._steps_left > 0:
            self._steps_left -= 1
        self._waited_s = max(0.0, now - max(self._due, self._ready_at))
        self._began[chunk] = now
        while len(self._began) > KEPT:
            del self._began[next(iter(self._began))]

    def made(self, now: float) -> float:
        """It is made; returns how long it had to wait for others (seconds)."""
        if self._ready_at < NEVER and self._due < NEVER and not self.stands:
            wanted_s = now - max(self._due, self._ready_at)
            self._slow.append(self._due <= self._ready_at and wanted_s > SLOW_FACTOR * self._chunk_s)
        self._due, self._ready_at = NEVER, now
        return self._waited_s

    def began(self, chunk: int, now: float) -> float:
        """When the making of `chunk` began, as far as that is known."""
        return self._began.get(chunk, now)

    def sent(self, chunk: int, end_pts: float, first: bool, now: float) -> list[Any]:
        """A frame that ends at `end_pts` is on its way, the `first` of its chunk or a later one."""
        if first:
            self._pacer.measured(now - self.began(chunk, now))
        dry = self._pacer.sent(end_pts, now)
        if not first:
            return []
        return [*([Count("misses")] if dry else []), *self._judge()]

    def _judge(self) -> list[Any]:
        if not self._told_slow and sum(self._slow) >= SLOW_CHUNKS:
            self._told_slow = True
            text = "the server has more to do than it can: pictures come slower than they should"
            return [Say(Notice(code="quality_lowered", message=text)), Count("overloads")]
        if self._told_slow and len(self._slow) == JUDGED_CHUNKS and not any(self._slow):
            self._told_slow = False
            return [Say(Notice(code="quality_restored", message="pictures come in real time again"))]
        return []
