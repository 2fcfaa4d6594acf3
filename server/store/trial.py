"""Whether new sessions could have files: tried every few seconds, so that a balancer hears it before people are refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from flowbrush.server.store.storage import Storage

log = logging.getLogger(__name__)

TRIAL_S = 5.0
"""As often as a balancer asks: more would be work for a disk that may be slow."""


class Trial:
    """Tries to write where the folders of sessions are."""

    def __init__(self, storage: Storage, try_writing: Callable[[], None]) -> None:
        """`try_writing` blocks, and raises OSError where nothing can be written."""
        self._storage, self._try_writing = storage, try_writing
        self.refused = ""
        """why they could have none; empty where they could"""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.make()
            await asyncio.sleep(TRIAL_S)

    async def make(self) -> None:
        """Once."""
        before, self.refused = self.refused, await self._why_not()
        if self.refused and not before:
            log.error("no session could have files: %s", self.refused)
        elif before and not self.refused:
            log.info("sessions can have files again")

    async def _why_not(self) -> str:
        try:
            await self._storage.run("trial", self._try_writing)
        except OSError as error:
            return error.strerror or str(error)
        return ""
