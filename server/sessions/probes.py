"""What a client wants to see outlined before a hand takes it: one at a time at the worker, the latest counts. No I/O, no clock."""

from __future__ import annotations

from flowbrush.server.sessions.events import ProbeAsked


class Probes:
    """One session's."""

    def __init__(self) -> None:
        self._wanted: ProbeAsked | None = None
        self._looked_at: ProbeAsked | None = None
        """what the worker has"""

    def __bool__(self) -> bool:
        """Whether something is to be outlined that the worker does not have."""
        return self._wanted is not None

    def ask(self, asked: ProbeAsked) -> None:
        """The client wants this one; an older one that waits is not looked at any more."""
        self._wanted = asked

    def begin(self) -> ProbeAsked | None:
        """What the worker is to look at now."""
        if self._wanted is not None:
            self._looked_at, self._wanted = self._wanted, None
            return self._looked_at
        return None

    def end(self) -> ProbeAsked | None:
        """What the worker was looking at, which it is no longer; None where it was nothing."""
        asked, self._looked_at = self._looked_at, None
        return asked
