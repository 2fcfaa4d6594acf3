"""Whether a session's client is there, and since when nothing was heard of it. No I/O, no clock."""

from __future__ import annotations


class Presence:
    """Of one client, which may come and go. Times are those of the session's clock (seconds)."""

    def __init__(self) -> None:
        self.there = False
        self._quiet_since: float | None = None
        """since when it is away, or, while it is there, since when it has said nothing"""
        self._since: float | None = None
        """when time was first told to the session"""

    def come(self, now: float) -> None:
        """It is connected."""
        self.there, self._quiet_since = True, now

    def leave(self, now: float) -> None:
        """Its connection is gone."""
        self.there, self._quiet_since = False, now

    def heard(self, now: float) -> None:
        """It has asked for something."""
        self._quiet_since = now

    def tick(self, now: float) -> tuple[float, float]:
        """How long the session lasts already, and how long its client has been quiet or away (seconds)."""
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        self._since = now if self._since is None else self._since
        return now - self._since, now - self._quiet_since

    @property
    def away_since(self) -> float | None:
        """Since when it is away; None while it is there."""
        return None if self.there else self._quiet_since
