"""How often things went wrong in one session, and when it is too often. No I/O."""

from __future__ import annotations

MAX_FAILURES = 3
"""A chunk, or an opening, that fails so often ends its session: it would fail again."""


class Trouble:
    """The failures of one session."""

    def __init__(self) -> None:
        self._chunk = -1
        self._failures = 0
        self._openings = 0
        self._probes = 0
        self.log_error = ""
        """why the log is behind, while it is"""

    def suspects(self, chunk: int) -> bool:
        """Whether `chunk` has failed before."""
        return self._failures > 0 and self._chunk == chunk

    def chunk_failed(self, chunk: int) -> bool:
        """Counts a failure of `chunk`; True when it has failed too often."""
        if self._chunk != chunk:
            self._chunk, self._failures = chunk, 0
        self._failures += 1
        return self._failures >= MAX_FAILURES

    def opening_failed(self) -> bool:
        """Counts; True when it has failed too often."""
        self._openings += 1
        return self._openings >= MAX_FAILURES

    def probe_failed(self) -> bool:
        """A look at what a hand would take has ended the worker; True when that was so too often."""
        self._probes += 1
        return self._probes >= MAX_FAILURES

    def opened(self) -> None:
        """The worker has the state."""
        self._openings = 0

    def log_not_written(self, why: str) -> bool:
        """The log is behind; True the first time."""
        first, self.log_error = not self.log_error, why
        return first

    def log_written(self) -> bool:
        """The log is whole; True when it was behind before."""
        behind, self.log_error = bool(self.log_error), ""
        return behind
