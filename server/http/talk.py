"""One connection of a session's own client, whatever language it speaks: one task reads, one writes; both end together.

What a client meets here, and in this order, is the same for every language: its first message in time, quotas, its share of the
server's time, the bound on what it does not read, and an ending that says why.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from flowbrush import limits
from flowbrush.errors import CloseCode, ErrorCode
from flowbrush.protocol import SUBPROTOCOL, Error, Message, SessionStart
from flowbrush.server.delivery.delivery import Closing, Media, Moving, Outbox
from flowbrush.server.http.audit import audit
from flowbrush.server.http.auth import NotAllowed
from flowbrush.server.http.context import Context
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.ending import part, until_one_ends
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.quotas import OverQuota
from flowbrush.server.http.relay import Elsewhere, Link
from flowbrush.server.http.share import MESSAGE_S, Share
from flowbrush.server.http.stills import show_stills
from flowbrush.server.logs import session_id
from flowbrush.server.sessions.refused import Refused, served
from flowbrush.server.sessions.session_host import SessionHost

log = logging.getLogger(__name__)

Wire = Callable[[Message | Media], Sequence[str | bytes]]
"""What is sent for a thing in the box: texts, and media as bytes."""

Handle = Callable[[str | bytes], float]
"""Carries out one message of a client; returns what it costs elsewhere, in addition to the time that it takes here (seconds)."""


class SlowReader(Exception):
    """The client has taken nothing for too long."""


class MovesOn(Exception):
    """There is a seat for the session at another gateway; what came before is sent."""

    def __init__(self, gateway: str) -> None:
        super().__init__(gateway)
        self.gateway = gateway


class Language(Protocol):
    """What differs between the clients of `/v1/stream` and those of others' protocols."""

    async def begin(self, text: str, asked: float, identity: Identity) -> tuple[SessionHost, Outbox]:
        """The session that the first message, which came at `asked`, begins or resumes. Raises Refused, OverQuota, NotAllowed,
        and Elsewhere where another gateway is to hear it.
        """

    def conversation(self, live: SessionHost, outbox: Outbox, identity: Identity) -> tuple[Handle, Wire]:
        """How the messages of this connection are carried out, and what is sent."""

    def error(self, error: Error) -> Message:
        """What is said of a failure that ends the connection."""

    def left(self, live: SessionHost) -> None:
        """The connection is gone, before the session is told."""

    async def relayed(self, socket: WebSocket, link: Link) -> None:
        """The rest of the connection, after its session went to another gateway."""


async def accept(socket: WebSocket) -> None:
    """Lets a WebSocket in that has come through the door."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)


async def talk(socket: WebSocket, context: Context, language: Language) -> None:
    """One connection of a client, from the upgrade to the close."""
    service, identity = context.service, identity_of(socket)
    await accept(socket)
    try:
        text, asked = await _first_text(socket)
        live, outbox = await language.begin(text, asked, identity)
    except WebSocketDisconnect:
        return
    except Elsewhere as elsewhere:
        await context.relay.pump(socket, replace(elsewhere.link, first=(text,)))
        return
    except (OverQuota, NotAllowed) as limited:
        service.metrics.errors.labels(limited.code).inc()
        await part(socket, language.error(limit_error(limited)), CloseCode.TRY_LATER, limited.code)
        return
    except Refused as refused:
        service.metrics.errors.labels(refused.code).inc()
        await part(socket, language.error(_said_of(refused)), refused.close, refused.code)
        return
    session_id.set(live.id)
    log.info("connected")
    link = None
    try:
        with context.present.here(identity, outbox):
            link = await _converse(socket, context, language, live, outbox)
    except OverQuota as limited:
        await part(socket, language.error(limit_error(limited)), CloseCode.POLICY, limited.code)
    except SlowReader:
        log.warning("closed: it has read nothing for %g s", service.settings.slow_reader_s)
        service.metrics.drops.labels("slow_reader").inc(outbox.frames)
        await part(socket, None, CloseCode.POLICY, ErrorCode.SLOW_READER)
    finally:
        language.left(live)
        service.detach(live, outbox)
        log.info("disconnected" if link is None else "goes on at another gateway")
    if link is not None:
        await language.relayed(socket, link)


async def _converse(
    socket: WebSocket, context: Context, language: Language, live: SessionHost, outbox: Outbox
) -> Link | None:
    """Until the connection ends, or its session goes to another gateway: the link to that one. Raises SlowReader and OverQuota."""
    identity = identity_of(socket)
    handle, wire = language.conversation(live, outbox, identity)
    while True:
        try:
            stills = show_stills(context.service, live, outbox)
            await until_one_ends(read(socket, outbox, handle), write(socket, outbox, context, wire), stills)
            return None
        except MovesOn as moves:
            link = await context.relay.take_along(live, outbox, moves.gateway, identity)
            if link is not None:
                await _send_left(socket, outbox, wire)
                return link


async def _send_left(socket: WebSocket, outbox: Outbox, wire: Wire) -> None:
    """What came behind the word that the session moves."""
    for message in outbox.left():
        for data in wire(message):
            assert isinstance(data, str)
            await socket.send_text(data)


async def begin(
    context: Context, identity: Identity, start: SessionStart, asked: float
) -> tuple[SessionHost, Outbox]:
    """A new session, with its client attached. Raises Refused and OverQuota."""
    service = context.service
    if identity.session is not None:
        text = "this token is for one session: resume that one"
        raise Refused(ErrorCode.UNAUTHORIZED, text, CloseCode.POLICY)
    start = start.model_copy(update={"model": served(start.model, service.dispatchers.names)})
    context.quotas.check_start(identity, start.paused, start.model or "")
    with context.quotas.making(identity):
        live = await service.newcomers.begin(start, asked, identity.owner, context.quotas.steps(identity))
    context.quotas.began(live, identity)
    audit("session.start", identity, session=live.id)
    outbox = service.outbox(live, start_id=start.id)
    if start.source is not None:
        service.begin_source(live, start.source, first=True)
    return live, outbox


def limit_error(limited: OverQuota | NotAllowed, id: int | None = None) -> Error:
    """What is said to one who has used up what it may have, of the message `id` where it has one."""
    wait_s = limited.retry_after_s
    return Error(code=limited.code, message=limited.message, retryable=True, retry_after_s=wait_s, id=id)


def _said_of(refused: Refused) -> Error:
    return Error(
        code=refused.code,
        message=refused.message,
        retryable=refused.retryable,
        field=refused.field,
        id=refused.id,
    )


async def _first_text(socket: WebSocket) -> tuple[str, float]:
    """The first message, and when it came. Raises Refused and WebSocketDisconnect."""
    try:
        async with asyncio.timeout(limits.FIRST_MESSAGE_S):
            text = await receive(socket)
    except TimeoutError:
        said = f"no session.start came within {limits.FIRST_MESSAGE_S:g} s"
        raise Refused(ErrorCode.TIMEOUT, said, CloseCode.BAD_START) from None
    asked = time.monotonic()
    if isinstance(text, bytes):
        raise Refused(
            ErrorCode.BINARY_NOT_ALLOWED,
            "the first message must be session.start, as JSON text",
            CloseCode.BAD_START,
        )
    return text, asked


async def receive(socket: WebSocket) -> str | bytes:
    """The next message. Raises WebSocketDisconnect at the end."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text: str | None = message.get("text")
    data: str | bytes = message["bytes"] if text is None else text
    return data


async def read(socket: WebSocket, outbox: Outbox, handle: Handle) -> None:
    """Hands every message on; waits when the client does not read what it is answered, or has had its share of time."""
    share = Share()
    while True:
        await outbox.room()
        message = await receive(socket)
        before = time.thread_time()
        elsewhere_s = handle(message)
        spent_s = MESSAGE_S + time.thread_time() - before + elsewhere_s
        await asyncio.sleep(share.spent(spent_s, time.monotonic()))


async def write(socket: WebSocket, outbox: Outbox, context: Context, wire: Wire) -> None:
    """Sends what is in the box until it is closed; raises SlowReader, OverQuota and MovesOn."""
    account = identity_of(socket).account
    while True:
        item = await outbox.next(time.monotonic)
        if isinstance(item, Closing):
            await part(socket, None, item.code, item.reason)
            return
        if isinstance(item, Moving):
            raise MovesOn(item.gateway)
        try:
            async with asyncio.timeout(context.settings.slow_reader_s):
                for data in wire(item):
                    await _send(socket, data, context, account)
        except TimeoutError:
            raise SlowReader from None


async def _send(socket: WebSocket, data: str | bytes, context: Context, account: str) -> None:
    """One text, or media as bytes, which are counted. Raises OverQuota."""
    if isinstance(data, str):
        await socket.send_text(data)
        return
    await socket.send_bytes(data)
    context.service.metrics.bytes.inc(len(data))
    context.quotas.sent(account, len(data))
