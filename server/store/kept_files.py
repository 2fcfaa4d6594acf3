"""Files of running sessions that somebody else removes are there again, also while their sessions write nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.storage import Storage, StorageLate

LOOK_S = 2.0
"""So long a paused session may be without what was removed: a process that is killed meanwhile has lost it."""


class KeptFiles:
    """Used from the event loop."""

    def __init__(
        self,
        lives: Mapping[str, SessionHost],
        keeping: Callable[[SessionHost], Callable[[], None]],
        storage: Storage,
    ) -> None:
        """`keeping` makes what writes a session's files again where they are gone, and blocks."""
        self._lives, self._keeping, self._storage = lives, keeping, storage

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """At all of them, once; where something is to be done with files already, that goes first."""
        busy = self._storage.lanes
        for live in self._lives.values():
            if live.id not in busy and not live.closed:
                with contextlib.suppress(StorageLate):
                    self._storage.submit(live.id, self._keeping(live))

    async def settled(self, id: str) -> None:
        """Waits until all that was given to be written of a session is, and what was removed of it, too. Raises StorageLate."""
        live = self._lives.get(id)
        if live is None or live.closed:
            await self._storage.settled(id)
        else:
            await self._storage.run(id, self._keeping(live))
