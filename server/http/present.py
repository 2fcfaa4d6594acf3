"""Which connections are open, and for whom: so that they end when their key does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from flowbrush.errors import CloseCode
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.http.identity import Identity


class Present:
    """Everybody who is connected by WebSocket."""

    def __init__(self) -> None:
        self._here: set[tuple[str, Outbox]] = set()

    @contextlib.contextmanager
    def here(self, identity: Identity, outbox: Outbox) -> Iterator[None]:
        """While a connection is open."""
        entry = (identity.owner, outbox)
        self._here.add(entry)
        try:
            yield
        finally:
            self._here.discard(entry)

    def leave(self, gone: Callable[[str], bool]) -> int:
        """Closes the connections whose owner is `gone`; returns how many."""
        leaving = [outbox for owner, outbox in self._here if gone(owner)]
        for outbox in leaving:
            outbox.close(CloseCode.POLICY, "the key is not valid any more")
        return len(leaving)
