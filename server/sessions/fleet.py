"""This gateway among the others of its state folder: what each has, who has which session, and who gets a seat elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial

from flowbrush.packets import pack
from flowbrush.protocol import SessionStart
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.engine.dispatcher import Dispatcher
from flowbrush.server.engine.dispatchers import Dispatchers
from flowbrush.server.sessions.driver import Driver
from flowbrush.server.sessions.handover import Handover
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.settings import Settings
from flowbrush.server.store.claims import Claims
from flowbrush.server.store.roster import Gateway, Roster
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.storage import Storage, StorageLate
from flowbrush.server.store.store import SessionRecord, Store

log = logging.getLogger(__name__)

LOOK_S = 0.25
LANE = "gateways"
"""Where the files of the folder that are nobody's are written and read."""

LEAVING_S = 5.0
"""A session that was let go, and that nobody has after so long, is not waited for any more."""

KEPT_S = 10.0
"""After it could not be let go a session stays for so long."""


class Fleet:
    """Runs in the event loop; files are read and written in threads."""

    def __init__(
        self,
        roster: Roster,
        claims: Claims,
        handover: Handover,
        dispatchers: Dispatchers,
        lives: dict[str, SessionHost],
        storage: Storage,
    ) -> None:
        self.roster = roster
        self.handover = handover
        self.url = ""
        """where others reach this gateway; set before it starts"""
        self.gateways: dict[str, Gateway] = {}
        """the others that live, by name"""
        self._claims = claims
        self._dispatchers = dispatchers
        for each in dispatchers:
            each.admission.name = roster.name
        self._lives = lives
        self._storage = storage
        self._left = False
        self._refused = ""
        """why the folder could not be read or written at the last look; empty where it could"""

    async def run(self) -> None:
        """Looks around, for ever. While that fails it goes by what it saw before, and others by what they saw of it."""
        while not self._left:
            try:
                await self._look()
                await self.handover.give_up_asked()
                self._note("")
            except OSError as error:  # of a disk that is full or slow, or where there are no descriptors left
                self._note(error.strerror or str(error))
            await asyncio.sleep(LOOK_S)

    def _note(self, refused: str) -> None:
        before, self._refused = self._refused, refused
        if refused and not before:
            log.error("other gateways cannot be seen, nor see this one: %s", refused)
        elif before and not refused:
            log.info("other gateways can be seen again")

    async def _look(self) -> None:
        pools = {
            each.model: each.admission.pool(each.scaling.starting, each.scaling.can_grow)
            for each in self._dispatchers
        }
        await self._storage.run(LANE, partial(self.roster.publish, self.url, pools))
        self.gateways = await self._storage.run(LANE, self.roster.others)
        for each in self._dispatchers:
            self._meet(each)

    def _meet(self, dispatcher: Dispatcher) -> None:
        admission = dispatcher.admission
        said = {name: each.pools.get(dispatcher.model) for name, each in self.gateways.items()}
        peers = {name: pool for name, pool in said.items() if pool is not None}
        alone = not peers and not admission.peers
        admission.meet(peers)
        if not alone:
            dispatcher.settle()
        for id, name in admission.departures().items():
            self._tell(self._lives[id], name)

    @staticmethod
    def _tell(live: SessionHost, to: str) -> None:
        """One whose client reads nothing hears it late, or never: no seat elsewhere is kept for it meanwhile."""
        now = time.monotonic()
        if not live.told_to_move and live.outbox is not None:
            live.told_to_move = now
            live.outbox.move(to)
        elif now - live.told_to_move > LEAVING_S:
            live.kept_until = now + KEPT_S

    def leave(self) -> None:
        """This gateway takes no part any more."""
        self._left = True
        self._storage.submit(LANE, self.roster.leave, always=True)

    async def holder(self, id: str) -> str | None:
        """The name of the gateway that has a session; None where none of the others has."""
        with contextlib.suppress(StorageLate):
            name = await self._storage.run(LANE, partial(self._claims.owner, id))
            return name if name in self.gateways else None
        return None

    async def whose(self, hashed: str, sees: Callable[[SessionRecord], bool]) -> str | None:
        """As `holder`, of the session of that token's hash, if who asks `sees` it."""
        found = None
        with contextlib.suppress(StorageLate):
            found = await self.handover.find(hashed, sees) if self.gateways else None
        return None if found is None else await self.holder(found.id)

    def elsewhere(self, model: str) -> str | None:
        """A gateway where one who comes now finds a seat of a model, where it would have to wait here."""
        return self._dispatchers.by_model[model].admission.elsewhere()

    # ---- a session that goes to another gateway, with its client's connection

    async def let_go(self, live: SessionHost, outbox: Outbox, to: str) -> tuple[str | bytes, ...]:
        """Gives the session up to the gateway `to`: what its client would send there to go on. Nothing where it stays after all."""
        live.told_to_move = 0.0
        dispatcher = self._dispatchers.of(live)
        admission = dispatcher.admission
        if admission.departures().get(live.id) != to or live.outbox is not outbox or live.closed:
            return ()
        session, source = live.session, live.video.source
        start = SessionStart(
            id=None if session.welcome.said else live.start_id,
            resume=live.token,
            last_frame=session.output.frame - 1,
            codecs=live.meta.start.codecs,
            source=source.given if source is not None and not source.ended else None,
        )
        frames = [pack(packet) for packet in source.recent] if source is not None else []
        admission.leaving[live.id] = admission.waiting(live, to)
        self._forget(live, LEAVING_S)
        log.info("given up: %s has a seat for it", to, extra={"session": live.id})
        live.detach(outbox)
        self.handover.give_up(live)
        with contextlib.suppress(StorageLate):  # then the other one cannot take it up yet, and says so
            await self._storage.settled(live.id)
        return (start.to_json(), *frames)

    def arrived(self, live: SessionHost) -> None:
        """The other gateway has the session, and will have published so by its next look."""
        self._forget(live, 2 * LOOK_S)

    def _forget(self, live: SessionHost, after_s: float) -> None:
        leaving = self._dispatchers.of(live).admission.leaving
        asyncio.get_running_loop().call_later(after_s, leaving.pop, live.id, None)

    def keep(self, live: SessionHost) -> None:
        """It could not be let go: it waits here for now, and no seat elsewhere is kept for it."""
        live.told_to_move = 0.0
        live.kept_until = time.monotonic() + KEPT_S


def fleet_of(
    store: Store,
    repository: SessionRepository,
    driver: Driver,
    lives: dict[str, SessionHost],
    storage: Storage,
    settings: Settings,
) -> Fleet | None:
    """This gateway among others; None where the state folder is one server's alone. Raises OSError."""
    owners = store.owners
    if not isinstance(owners, Claims):
        return None
    handover = Handover(owners, store, repository, lives, driver, storage)
    roster = Roster(settings.state_dir, owners.name)
    return Fleet(roster, owners, handover, driver.dispatchers, lives, storage)
