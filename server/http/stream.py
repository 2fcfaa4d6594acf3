"""`/v1/stream` and `watch`: the project's own protocol."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from starlette.websockets import WebSocket

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.packets import pack
from flowbrush.parse import type_of
from flowbrush.protocol import Error, Message, SessionPause, SessionStart, parse_client_message
from flowbrush.server.delivery.delivery import Media, Outbox
from flowbrush.server.http.audit import audit
from flowbrush.server.http.context import Context
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.ending import part, until_one_ends
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.quotas import OverQuota
from flowbrush.server.http.relay import VIDEO_COMPLETE, Elsewhere, Link
from flowbrush.server.http.stills import show_stills
from flowbrush.server.http.talk import (
    Handle,
    SlowReader,
    Wire,
    accept,
    begin,
    limit_error,
    read,
    talk,
    write,
)
from flowbrush.server.realtime.wire import COMPLETED
from flowbrush.server.sessions import starting
from flowbrush.server.sessions.commands import REFUSED_S, Commands, ViewerCommands
from flowbrush.server.sessions.refused import Refused
from flowbrush.server.sessions.session_host import SessionHost

log = logging.getLogger(__name__)


async def serve_stream(socket: WebSocket, context: Context) -> None:
    """One connection of a client, from the upgrade to the close."""
    await talk(socket, context, Native(context))


class Native:
    """The language of `docs/protocol.md`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def begin(self, text: str, asked: float, identity: Identity) -> tuple[SessionHost, Outbox]:
        """The session that the first message begins or resumes. Raises Refused, OverQuota, NotAllowed, Elsewhere."""
        start = _start(text)
        if start.resume is None:
            return await begin(self._context, identity, start, asked)
        return await _resume(self._context, identity, start, start.resume)

    def conversation(self, live: SessionHost, outbox: Outbox, identity: Identity) -> tuple[Handle, Wire]:
        """Messages go to the session; pauses are counted."""
        commands = Commands(self._context.service, live, outbox)

        def handle(data: str | bytes) -> float:
            if live.tied and data == VIDEO_COMPLETE:  # said by the gateway where the video began
                self._context.service.end(live, COMPLETED)
                return 0.0
            try:
                id = _pauses(data)
                if id is not None:
                    self._context.quotas.check_pause(identity)
            except OverQuota as limited:
                outbox.say(limit_error(limited, id or None))
                return REFUSED_S
            return commands.handle(data)

        return handle, packed

    def error(self, error: Error) -> Error:
        """As it is."""
        return error

    def left(self, live: SessionHost) -> None:
        """The session waits for its client to come back, if that can."""
        if live.tied and not live.closed:
            self._context.service.end(live, "left")

    async def relayed(self, socket: WebSocket, link: Link) -> None:
        """As it comes."""
        await self._context.relay.pump(socket, link)


def packed(item: Message | Media) -> tuple[str | bytes]:
    """A message as JSON, a frame as a media packet with its age."""
    if not isinstance(item, Media):
        return (item.to_json(),)
    age_us = min(2**32 - 1, round((time.monotonic() - item.began) * 1e6))
    return (pack(replace(item.packet, age_us=age_us)),)


async def serve_viewer(socket: WebSocket, context: Context, id: str) -> None:
    """A read-only viewer of session `id`."""
    service, identity = context.service, identity_of(socket)
    await accept(socket)
    live = context.running(socket, id)
    if live is None:
        error = Error(code=ErrorCode.UNKNOWN_SESSION, message=f"there is no running session {id[:64]!r}")
        await part(socket, error, CloseCode.POLICY, ErrorCode.UNKNOWN_SESSION)
        return
    audit("session.watch", identity, session=id)
    outbox = service.watch(live)
    only_pings = ViewerCommands(service, outbox)
    try:
        with context.present.here(identity, outbox):
            await until_one_ends(
                read(socket, outbox, only_pings.handle),
                write(socket, outbox, context, packed),
                show_stills(service, live, outbox),
            )
    except OverQuota as limited:
        await part(socket, limit_error(limited), CloseCode.POLICY, limited.code)
    except SlowReader:
        await part(socket, None, CloseCode.POLICY, ErrorCode.SLOW_READER)
    finally:
        service.unwatch(live, outbox)


def _start(text: str) -> SessionStart:
    """The first message, which must be `session.start`. Raises Refused."""
    try:
        start, ignored = parse_client_message(text)
    except ProtocolError as error:
        if error.field not in (None, "type") and (kind := type_of(text)) is not None:
            _check_first(kind)  # what is wrong with another message matters less than that it is another
        raise Refused.of(error) from None
    _check_first(start.type)
    assert isinstance(start, SessionStart)
    if ignored:
        log.warning("unknown fields of session.start were ignored: %s", ", ".join(ignored[:8]))
    return start


def _check_first(type: str) -> None:
    if type != "session.start":
        said = f"the first message must be session.start, not {type}"
        raise Refused(ErrorCode.NOT_STARTED, said, CloseCode.BAD_START, field="type")


async def _resume(
    context: Context, identity: Identity, start: SessionStart, token: str
) -> tuple[SessionHost, Outbox]:
    service = context.service
    last_frame = start.last_frame if start.last_frame is not None else -1
    to = None if identity.hops else await service.whose(token, identity.sees)
    link = await context.relay.reach(to, "/v1/stream", identity) if to is not None else None
    if link is not None:
        raise Elsewhere(link)
    try:
        live = await service.resume(token, start.known_codecs, identity.sees)
    except Refused as refused:
        if refused.code is ErrorCode.RESUME_EXPIRED:
            context.gate.count_wrong(identity.address)
        raise
    starting.check_can(start, service.capabilities(live.meta.model))
    try:
        live.session.check_sent(last_frame)
    except ProtocolError as error:
        raise Refused.of(error) from None
    context.quotas.began(live, identity)
    if identity.hops:
        live.rank, live.tied = live.rank or identity.rank, identity.tied
    audit("session.resume", identity, session=live.id)
    outbox = service.outbox(live, last_frame, start.id)
    if start.source is not None:
        service.begin_source(live, start.source, first=live.session.upcoming == 0)
    return live, outbox


def _pauses(text: str | bytes) -> int | None:
    """The id of a `session.pause`, 0 where it has none; None for every other message."""
    if isinstance(text, bytes) or '"session.pause"' not in text:
        return None
    try:
        message = parse_client_message(text).message
    except ProtocolError:
        return None
    return (message.id or 0) if isinstance(message, SessionPause) else None
