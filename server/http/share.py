"""How much of the server's time one connection, or all who come and go at one session, may take. No I/O, no clock.

What somebody costs is time, not a number of messages: a ping and a reset are not the same.
"""

from __future__ import annotations

from collections import OrderedDict

SHARE = 0.3
"""Of the web process's time, for the messages of one connection that sends without end; three of them leave some for the rest."""

BURST_S = 0.1
"""So much of it is done at once."""


class Share:
    """A leaky bucket of seconds: what was spent runs out of it at the rate `share`, and above `burst_s` one has to rest."""

    def __init__(self, share: float = SHARE, burst_s: float = BURST_S) -> None:
        self._share, self._burst_s = share, burst_s
        self._level = 0.0
        self._at = 0.0

    def spent(self, seconds: float, now: float) -> float:
        """So much was spent, up to `now`; returns how long to rest (seconds)."""
        self._level = max(0.0, self._level - self._share * (now - self._at)) + seconds
        self._at = now
        return max(0.0, self._level - self._burst_s) / self._share


MESSAGE_S = 0.0003
"""What it costs to receive a message, before anything is done about it: a mouse may say where it is a thousand times a second."""

REQUEST_S, UPGRADE_S = 0.003, 0.01
"""What a request, and one that becomes a WebSocket, is taken to cost."""

AT_ONCE_S = 5 / 3
"""What an address may cost within so many seconds is no reason to wait when it comes at once."""

LONGEST_WAIT_S = 5.0
MAX_ADDRESSES = 4096
"""So many are remembered, those who asked last; one that is forgotten waits for nothing."""


class Arrivals:
    """Requests of each address. Those that come faster than a share of the server's time allows have to wait."""

    def __init__(self, upgrades_per_s: float) -> None:
        """So many WebSockets may an address open a second."""
        self._share = UPGRADE_S * upgrades_per_s
        self._shares: OrderedDict[str, Share] = OrderedDict()

    def wait_s(self, address: str, cost_s: float, now: float) -> float | None:
        """How long a new request of this address has to wait (seconds); None where too many of its requests wait already."""
        share = self._shares.setdefault(address, Share(self._share, AT_ONCE_S * self._share))
        self._shares.move_to_end(address)
        if len(self._shares) > MAX_ADDRESSES:
            self._shares.popitem(last=False)
        if share.spent(0.0, now) > LONGEST_WAIT_S:
            return None
        return share.spent(cost_s, now)
