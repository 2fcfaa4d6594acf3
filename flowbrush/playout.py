"""When a frame is to be shown and where the playhead stands. No I/O: takes the time, gives decisions."""

from __future__ import annotations


class Playout:
    """The clock of one viewer. `now` is any monotonic time in seconds, `frame_s` a frame's duration.

    With `realtime` frames become due at their media time; when the buffer ran dry, the clock goes on from the
    frame that came late. Without it they are due at once and the playhead is where the reader is.
    """

    def __init__(self, frame_s: float, *, realtime: bool) -> None:
        self.frame_s = frame_s
        self.realtime = realtime
        self._received_begin: float | None = None
        self._received_end = 0.0
        self._shown_pts: float | None = None
        self._shown_at = 0.0

    def receive(self, pts: float) -> None:
        """A frame came."""
        if self._received_begin is None:
            self._received_begin = pts
        self._received_end = pts + self.frame_s

    def restart(self, pts: float) -> None:
        """After a rewind or a reset: what came later is gone, the stream goes on at `pts`."""
        self._received_begin, self._received_end = None, pts
        self._shown_pts = pts - self.frame_s if pts > 0 else None
        self._shown_at = 0.0

    def wait_s(self, pts: float, now: float) -> float:
        """Seconds until the frame with this pts is due."""
        if not self.realtime or self._shown_pts is None:
            return 0.0
        return max(0.0, self._shown_at + (pts - self._shown_pts) - now)

    def show(self, pts: float, now: float) -> None:
        """The frame is shown now. Small delays of the caller are made up for, an empty buffer is not."""
        due = self._shown_at + (pts - self._shown_pts) if self._shown_pts is not None else now
        late = now - due
        self._shown_at = due if self.realtime and 0.0 <= late <= self.frame_s else now
        self._shown_pts = pts

    def position(self, now: float) -> tuple[float, float]:
        """(`pts`, `buffered`) of a playhead message."""
        if self._shown_pts is None:
            begin = self._received_begin or 0.0  # who joins late begins there
            return begin, self._received_end - begin
        elapsed = self.frame_s if not self.realtime else min(now - self._shown_at, self.frame_s)
        pts = min(self._shown_pts + elapsed, self._received_end)
        return max(0.0, pts), max(0.0, self._received_end - pts)
