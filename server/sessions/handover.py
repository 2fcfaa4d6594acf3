"""Sessions pass from one gateway to another of the same state folder: a client may come back to any of them.

The gateway that a client comes to takes its session up: at once where nobody has it, because its gateway ended; else it asks, and
the owner gives it up within half a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from flowbrush.errors import CloseCode, ErrorCode
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.driver import Driver
from flowbrush.server.sessions.refused import Refused, reason, served
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.claims import Claims
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.storage import Storage
from flowbrush.server.store.store import SessionRecord, Store

log = logging.getLogger(__name__)

ASK_S = 5.0
"""An owner that has not given a session up within this does not do it."""

LOOK_S = 0.05
FIND_S = 30.0
"""A folder of many sessions takes a while to look through."""


class Handover:
    """Runs in the event loop; what may wait for a disk is done in threads."""

    def __init__(
        self,
        claims: Claims,
        store: Store,
        repository: SessionRepository,
        lives: dict[str, SessionHost],
        driver: Driver,
        storage: Storage,
    ) -> None:
        self._claims = claims
        self._store = store
        self._repository = repository
        self._lives = lives
        self._driver = driver
        self._storage = storage
        self._taking_up: set[str] = set()

    async def take_up(self, hashed: str, sees: Callable[[SessionRecord], bool]) -> SessionHost | None:
        """The session of that token's hash, from now on this gateway's; None when there is none for who asks.

        Raises Refused when its owner does not give it up, or its model is not served here.
        """
        if hashed in self._taking_up:
            raise _busy("it is being taken up already")
        self._taking_up.add(hashed)
        try:
            found = await self.find(hashed, sees)
            if found is None:
                return None
            id = found.id
            served(found.model, self._driver.dispatchers.names)
            await self._claim(id)
            try:
                live = await self._storage.run(id, lambda: self._revived(id))
            except Exception:
                self._storage.submit(id, lambda: self._claims.drop(id))
                raise
        except OSError as error:
            log.warning("a session cannot be taken up: %s", error)
            raise _busy(reason(error)) from error
        finally:
            self._taking_up.discard(hashed)
        if live is None:
            self._storage.submit(id, lambda: self._claims.drop(id))
            return None
        self._lives[live.id] = live
        log.info(
            "taken up from another gateway, after %d chunks",
            live.session.upcoming,
            extra={"session": live.id},
        )
        return live

    async def find(self, hashed: str, sees: Callable[[SessionRecord], bool]) -> SessionRecord | None:
        """The record of the session of that token's hash, whoever has it; None when there is none for who asks.

        Raises StorageLate.
        """
        found = await self._storage.run("all", lambda: self._find(hashed), within_s=FIND_S)
        return found if found is not None and sees(found) else None

    def _find(self, hashed: str) -> SessionRecord | None:
        for meta in self._store.all():
            if meta.token_hash == hashed and meta.ended is None:
                return meta
        return None

    async def _claim(self, id: str) -> None:
        until = time.monotonic() + ASK_S
        try:
            if await self._storage.run(id, lambda: self._claims.take(id)):
                return
            await self._storage.run(id, lambda: self._claims.ask(id))
            while time.monotonic() < until:
                await asyncio.sleep(LOOK_S)
                if await self._storage.run(id, lambda: self._claims.take(id)):
                    return
        finally:
            self._storage.submit(id, lambda: self._claims.answered(id), always=True)
        raise _busy("the gateway that has it does not give it up")

    def _revived(self, id: str) -> SessionHost | None:
        """The session as its last owner left it."""
        meta = self._store.read(id)
        return None if meta is None or meta.ended is not None else self._repository.revive(meta)

    async def give_up_asked(self) -> None:
        """Gives up the sessions that other gateways ask for."""
        for id in await self._storage.run("asked", self._claims.asked):
            if id in self._lives:
                log.info("given up: its client is at another gateway", extra={"session": id})
                self.give_up(self._lives[id])

    def give_up(self, live: SessionHost) -> None:
        """Everything of the session is in its files, and it is another's."""
        self._driver.handle(live, on.Stopping())
        if self._lives.pop(live.id, None) is not None:
            self._driver.dispatchers.of(live).release(live)
        self._storage.submit(live.id, lambda: self._claims.drop(live.id), always=True)


def _busy(why: str) -> Refused:
    return Refused(
        ErrorCode.BUSY, f"the session cannot be taken up: {why}", CloseCode.TRY_LATER, retryable=True
    )
