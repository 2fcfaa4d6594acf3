"""What every route needs: the service, the keys, the quotas; and how a session is found for who asks."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from flowbrush.errors import ErrorCode
from flowbrush.server.delivery.playable import Playable
from flowbrush.server.engine.engine import Engine
from flowbrush.server.http.access import Access, load_access
from flowbrush.server.http.answers import error_response
from flowbrush.server.http.audit import note
from flowbrush.server.http.auth import Gate
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.passes import Passes
from flowbrush.server.http.present import Present
from flowbrush.server.http.quotas import Quotas
from flowbrush.server.http.relay import Relay
from flowbrush.server.http.uploads import Uploads
from flowbrush.server.sessions.refused import reason
from flowbrush.server.sessions.service import Service
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.settings import BadSettings, Settings
from flowbrush.server.store.storage import StorageLate, StorageRefuses
from flowbrush.server.store.store import SessionRecord

log = logging.getLogger(__name__)

T = TypeVar("T")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Context:
    """One for each server."""

    settings: Settings
    service: Service
    gate: Gate
    quotas: Quotas
    uploads: Uploads
    present: Present
    playable: Playable
    passes: Passes
    relay: Relay

    @classmethod
    def make(cls, settings: Settings, engine: Engine) -> Context:
        """All parts, wired. Raises BadSettings for keys that cannot be read."""
        service = Service(settings, engine)
        gate = Gate(load_access(settings), settings.token_s)
        service.driver.ended = _note_end
        quotas = Quotas(service, lambda: gate.access)
        uploads = Uploads(service.images, quotas, service.reading)
        fleet, playable = service.fleet, Playable(service.reading)
        passes = Passes(b"", "")
        if fleet is not None:
            passes = Passes(fleet.roster.secret, fleet.roster.name, lambda: fleet.roster.count)
        relay = Relay(fleet, passes, service.metrics, settings.slow_reader_s)
        return cls(settings, service, gate, quotas, uploads, Present(), playable, passes, relay)

    def reload_keys(self) -> None:
        """Reads the keys file again. One with a mistake changes nothing."""
        self.service.reading.submit("keys", lambda: load_access(self.settings), self._take_keys)

    def _take_keys(self, access: Access, error: Exception | None) -> None:
        if error is not None:
            why = error if isinstance(error, BadSettings) else f"{type(error).__name__}: {error}"
            log.error("the keys stay as they were: %s", why)
            note("keys.reload", code="refused")
            return
        self.gate.reload(access)
        names = {key.name for key in access.keys}
        ended = self.present.leave(lambda owner: bool(owner) and owner not in names)
        note("keys.reload", keys=len(names), connections_ended=ended)

    def running(self, connection: HTTPConnection, id: str) -> SessionHost | None:
        """A session that runs, if it is there for who asks."""
        live = self.service.lives.get(id)
        return live if live is not None and identity_of(connection).sees(live.meta) else None

    async def stored(self, connection: HTTPConnection, id: str) -> SessionRecord | None:
        """The record of a session, running or ended, if it is there for who asks. Raises StorageLate and StorageRefuses."""
        live, meta = self.service.lives.get(id), None
        if live is not None:
            meta = live.meta
        elif _ID.fullmatch(id):
            await self.service.storage.settled(id)  # it may have ended just now
            meta = await self.read(id, lambda: self.service.store.find(id))
        return meta if meta is not None and identity_of(connection).sees(meta) else None

    async def read(self, id: str, work: Callable[[], T]) -> T:
        """What `work` reads of a session's files. Raises StorageLate and StorageRefuses."""
        try:
            return await self.service.reading.run(id, work)
        except StorageLate:
            raise
        except OSError as error:
            log.warning("what is asked for cannot be read: %s", error, extra={"session": id})
            raise StorageRefuses(f"the session's files cannot be read: {reason(error)}") from error

    async def missing(self, connection: HTTPConnection, id: str, wanted: str) -> JSONResponse:
        """The answer where a session has not what is `wanted`, which says why; where it is not there for who asks, that alone."""
        meta = await self.stored(connection, id)
        if meta is None:
            return unknown(id)
        elsewhere = "is not here now" if meta.ended is None else "has ended"
        state = "runs" if id in self.service.lives else elsewhere
        text = f"session {id!r} {state}, there is no {wanted} of it"
        return error_response(404, ErrorCode.UNKNOWN_SESSION, text)


def unknown(id: str) -> JSONResponse:
    """The answer for a session that is not there, or not for who asks."""
    return error_response(404, ErrorCode.UNKNOWN_SESSION, f"nothing is here of a session {id[:64]!r}")


def _note_end(live: SessionHost, reason: str) -> None:
    frames = live.session.output.frame
    note("session.end", key=live.meta.owner or None, session=live.id, reason=reason, frames=frames)
