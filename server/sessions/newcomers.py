"""Sessions that come to be: begun by a client, or branched off another one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import Codec, SessionStart
from flowbrush.server.engine import ipc
from flowbrush.server.engine.dispatchers import Dispatchers
from flowbrush.server.sessions import branching, starting
from flowbrush.server.sessions.refused import Refused, reason, served
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.settings import Settings
from flowbrush.server.store import images
from flowbrush.server.store.images import ImageStore
from flowbrush.server.store.session_repository import SessionRepository, new_record
from flowbrush.server.store.storage import Storage
from flowbrush.server.store.store import Store

log = logging.getLogger(__name__)


class Newcomers:
    """Makes the files of new sessions, and puts them among those that live. Runs in the event loop."""

    def __init__(
        self,
        lives: dict[str, SessionHost],
        settings: Settings,
        dispatchers: Dispatchers,
        wait_loaded: Callable[[str], Awaitable[ipc.Loaded]],
        store: Store,
        repository: SessionRepository,
        images: ImageStore,
        storage: Storage,
        reading: Storage,
    ) -> None:
        """Files of sessions are written by way of `storage`, what people have uploaded is looked for by way of `reading`."""
        self._lives = lives
        self._settings = settings
        self._dispatchers = dispatchers
        self._wait_loaded = wait_loaded
        self._store = store
        self._repository = repository
        self._images = images
        self._storage = storage
        self._reading = reading
        self._branching = 0
        """branches that are being made"""

    async def begin(self, start: SessionStart, asked: float, owner: str = "", steps: int = 0) -> SessionHost:
        """A new session of the key `owner`, which waits for its client (`outbox`); raises Refused. It may ask for so many denoising
        `steps`; 0: for as many as the settings allow.
        """
        model = served(start.model, self._dispatchers.names)
        facts = await self._wait_loaded(model)
        starting.check_can(start, facts.card["capabilities"])
        starting.check_fps(start, facts.card)
        image, shape = await self._uploaded(start.image, owner)
        most = steps or self._settings.max_steps or starting.steps_in_real_time(facts)
        start, notices = starting.in_real_time(start, most)
        try:
            start = starting.in_its_size(start, facts.card, shape)
        except ValueError as error:
            raise Refused(
                ErrorCode.INVALID_VALUE,
                str(error),
                CloseCode.BAD_START,
                field="width" if start.width else "height",
            ) from None
        meta, token = new_record(start, _codec_for(start, facts), facts, owner)
        try:
            making = partial(self._repository.begin, meta, image, facts.chunk_s, start.paused, notices)
            live = await self._storage.run(meta.id, making)
        except (OSError, images.BadImage) as error:
            self._storage.submit(meta.id, partial(self._store.remove, meta.id))
            log.warning("a session's files cannot be written: %s", error)
            text = f"the session's files cannot be written: {reason(error)}"
            raise Refused(ErrorCode.BUSY, text, CloseCode.TRY_LATER, retryable=True) from error
        self._lives[meta.id] = live
        live.token, live.start_asked, live.start_id = token, asked, start.id
        return live

    async def _uploaded(self, id: str | None, owner: str) -> tuple[Path | None, tuple[int, int] | None]:
        """Where an upload of `owner` lies, and its size in pixels; raises Refused where it has none of that name."""
        if id is None:
            return None, None
        try:
            found = await self._reading.run(f"images/{owner}", partial(self._images.find, id, owner))
        except OSError as error:
            log.warning("an upload cannot be read: %s", error)
            text = f"the image cannot be read: {reason(error)}"
            raise Refused(ErrorCode.BUSY, text, CloseCode.TRY_LATER, retryable=True) from error
        if found is None:
            text = f"there is no image {id!r}: upload it with POST /v1/images"
            raise Refused(ErrorCode.UNKNOWN_IMAGE, text, CloseCode.BAD_START, field="image")
        return found

    async def branch(self, id: str, chunk: int) -> tuple[str, str, int]:
        """A new session that goes on from the end of `chunk`: (its id, resume token, last frame).

        It takes a seat when it is resumed. Raises ProtocolError when there is no such session or chunk.
        """
        parent = self._lives.get(id)
        if parent is None:
            raise ProtocolError(ErrorCode.UNKNOWN_SESSION, f"no running session {id!r}", field="id")
        session = parent.session
        session.check_made(chunk)
        asleep = self._branching + sum(1 for live in self._lives.values() if not live.session.presence.there)
        if asleep >= sum(each.slots.total for each in self._dispatchers) + self._settings.queue_size:
            text = "as many sessions wait for their clients as can: resume some, or try again later"
            raise ProtocolError(ErrorCode.BUSY, text)
        (meta, token), saved = branching.record(parent, chunk), dict(session.history.snapshots)
        making = partial(branching.branch, parent, meta, chunk, saved, self._store, self._repository)
        self._branching += 1
        try:
            live = self._lives[meta.id] = await self._storage.run(id, making)
        except OSError as error:
            self._storage.submit(id, partial(self._store.remove, meta.id), always=True)
            raise ProtocolError(ErrorCode.BUSY, f"the branch cannot be written: {reason(error)}") from error
        finally:
            self._branching -= 1
        return live.id, token, live.meta.first_frame - 1


def _codec_for(start: SessionStart, facts: ipc.Loaded) -> Codec:
    for codec in start.known_codecs:
        if codec in facts.codecs:
            return codec
    text = f"none of {', '.join(start.codecs)} can be encoded here: there are {', '.join(facts.codecs)}"
    raise Refused(ErrorCode.NO_CODEC, text, CloseCode.BAD_START, field="codecs")
