"""How often things went wrong in one session, and when it is too often. No I/O."""

from __future__ import annotations

MAX_FAILURES = 3
"""A chunk, or an opening, that fails so often ends its session: it would fail again."""

GIVES_WAY_S = 1.0
"""What has ended a worker gives way to others of the next one for so long: they, who have waited for the loss of one, get pictures
before they may have to wait for that of the next.
"""


class Trouble:
    """The failures of one session."""

    def __init__(self) -> None:
        self._chunk = -1
        self._failures = 0
        self._cost_a_worker = False
        self._opened_at = 0.0
        self._openings = 0
        self._probes = 0
        self.log_error = ""
        """why the log is behind, while it is"""

    def suspects(self, chunk: int) -> bool:
        """Whether `chunk` has failed before."""
        return self._failures > 0 and self._chunk == chunk

    def doubt(self, chunk: int) -> int:
        """How often `chunk` has failed, where it has ended a worker; else 0."""
        return self._failures if self._cost_a_worker and self.suspects(chunk) else 0

    @property
    def again_at(self) -> float:
        """When such a chunk is tried again, where others share the worker."""
        return self._opened_at + GIVES_WAY_S

    def chunk_failed(self, chunk: int, lost: bool = False) -> bool:
        """Counts a failure of `chunk`, with which a worker was `lost` or not; True when it has failed too often."""
        if self._chunk != chunk:
            self._chunk, self._failures, self._cost_a_worker = chunk, 0, False
        self._failures += 1
        self._cost_a_worker |= lost
        return self._failures >= MAX_FAILURES

    def opening_failed(self) -> bool:
        """Counts; True when it has failed too often."""
        self._openings += 1
        return self._openings >= MAX_FAILURES

    def probe_failed(self) -> bool:
        """A look at what a hand would take has ended the worker; True when that was so too often."""
        self._probes += 1
        return self._probes >= MAX_FAILURES

    def opened(self, now: float) -> None:
        """The worker has the state."""
        self._openings, self._opened_at = 0, now

    def log_not_written(self, why: str) -> bool:
        """The log is behind; True the first time."""
        first, self.log_error = not self.log_error, why
        return first

    def log_written(self) -> bool:
        """The log is whole; True when it was behind before."""
        behind, self.log_error = bool(self.log_error), ""
        return behind
