"""When the next chunk of a stream must be started. No I/O and no clock: `now` comes from outside.

A stream is generated as late as its viewer allows, because what is made early cannot follow the
hand any more. The viewer's buffer is known from `playhead` messages; without any, a viewer is
assumed who shows every frame as it arrives, in real time.
"""

from __future__ import annotations

import math

MARGIN_S = 0.03
"""Spare time for the network and for the page to draw, on top of the measured time of a chunk."""

RISE = 0.5
"""How much of the way the estimated time of a chunk follows a slower one: careful."""

FALL_S = 3.0
"""Seconds of chunks, whatever the length of each, in which it forgets all but 1/e of the way to faster ones. Reckoned for chunks of
0.75 s, one of sixteen slow: they wait in the viewer's buffer for 66 ms in the median. With 8 % a chunk, as three seconds are
for chunks of 0.25 s, for 202 ms.
"""

SILENCE_S = 1.0
"""A viewer who reported once and then says nothing is taken to go on playing for so long."""

MAX_AHEAD_S = 2.0
"""A viewer who has ever reported gets no more than this beyond its last report, whatever it does."""


class Pacer:
    """The playhead of one stream's viewer and what follows from it. Times in seconds."""

    def __init__(self, expected_s: float, length_s: float) -> None:
        """`expected_s` is a first guess of the time from asking for a chunk to having it, `length_s` what a chunk shows."""
        self.chunk_s = expected_s
        self._length_s = length_s
        self._fall = 1 - math.exp(-length_s / FALL_S)
        self.reported = False
        self._begin_s = 0.0
        self._shown_s = 0.0
        self._end_s = 0.0
        self._said_s = 0.0
        """the last report, in media time"""
        self._at: float | None = None

    def come(self, pts: float) -> None:
        """A viewer comes who has all before `pts`, which counts as a report: it may report no sooner than a frame comes."""
        self._said_s = pts
        self.restart(pts)

    def restart(self, pts: float) -> None:
        """The stream goes on at `pts` for a viewer who has nothing after it."""
        self._begin_s = pts
        self.go_on(pts)

    def go_on(self, pts: float) -> None:
        """The stream stood at `pts` and goes on, which does not say that its viewer is further than it said last."""
        self._shown_s = self._end_s = pts
        self._said_s = min(self._said_s, pts) if self.reported else pts
        self._at = None

    def measured(self, seconds: float) -> None:
        """A chunk took so long from asking for it to its first frame."""
        rate = RISE if seconds > self.chunk_s else self._fall
        self.chunk_s += rate * (seconds - self.chunk_s)

    def sent(self, end_pts: float, now: float) -> bool:
        """Frames up to `end_pts` are on their way. True when the viewer had run dry before."""
        head = self.playhead(now)
        started = self._at is not None
        dry = head >= self._end_s
        if dry:
            self._shown_s, self._at = self._end_s, now
        self._end_s = max(self._end_s, end_pts)
        return dry and started

    def report(self, pts: float, now: float) -> None:
        """A `playhead` message.

        A pts beyond what was sent (of before a rewind) means an empty buffer, and so does one of before the
        stream began here (a branch that shows nothing yet): waiting for it to advance would last for ever.
        """
        self.reported = True
        self._shown_s, self._at = min(max(pts, self._begin_s), self._end_s), now
        self._said_s = self._shown_s

    def playhead(self, now: float) -> float:
        """The pts on the viewer's screen now, as far as one can tell; never past what was sent."""
        if self._at is None:
            return self._shown_s
        passed = max(0.0, now - self._at)
        if self.reported:
            passed = min(passed, SILENCE_S)
        return min(self._shown_s + passed, self._end_s)

    def on_screen(self, now: float) -> float | None:
        """The playhead, where the viewer has ever said where it is."""
        return self.playhead(now) if self.reported else None

    def due(self, end_pts: float, now: float) -> float:
        """When to start the chunk that begins at `end_pts`, so that the buffer stays filled.

        May lie in the past. Infinite when the chunk would take a viewer who reports too far beyond its last report.
        """
        ahead_s = end_pts + self._length_s - self._said_s
        if self.reported and end_pts > self._said_s and ahead_s > MAX_AHEAD_S:
            return float("inf")
        if self._at is None:
            return now
        return now + end_pts - self.playhead(now) - self.chunk_s - MARGIN_S

    def stands(self, end_pts: float, now: float) -> bool:
        """Whether the chunk that begins at `end_pts` is not started before the viewer says again where it is."""
        silent = self.reported and self._at is not None and now - self._at >= SILENCE_S
        due = self.due(end_pts, now)
        return due == float("inf") or (silent and due > now)
