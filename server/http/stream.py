"""The WebSocket of a session: one task reads, one writes; both end together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from flowbrush import limits
from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.packets import pack
from flowbrush.protocol import SUBPROTOCOL, Error, SessionPause, SessionStart, parse_client_message
from flowbrush.server.delivery.delivery import Closing, Media, Outbox
from flowbrush.server.http.audit import audit
from flowbrush.server.http.auth import NotAllowed
from flowbrush.server.http.context import Context
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.quotas import OverQuota
from flowbrush.server.http.share import MESSAGE_S, Share
from flowbrush.server.logs import session_id
from flowbrush.server.sessions.commands import Commands, ViewerCommands
from flowbrush.server.sessions.service import Refused, Service
from flowbrush.server.sessions.session_host import SessionHost

log = logging.getLogger(__name__)

CLOSE_S = 2.0
MAX_REASON_BYTES = 120


class SlowReader(Exception):
    """The client has taken nothing for too long."""


async def accept(socket: WebSocket) -> None:
    """Lets a WebSocket in that has come through the door."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)


async def serve_stream(socket: WebSocket, context: Context) -> None:
    """One connection of a client, from the upgrade to the close."""
    service, identity = context.service, identity_of(socket)
    await accept(socket)
    try:
        live, outbox = await _hello(socket, context, identity)
    except WebSocketDisconnect:
        return
    except (OverQuota, NotAllowed) as limited:
        service.metrics.errors.labels(limited.code).inc()
        await _part(socket, _over(limited), CloseCode.TRY_LATER, limited.code)
        return
    except Refused as refused:
        service.metrics.errors.labels(refused.code).inc()
        error = Error(code=refused.code, message=refused.message, retryable=refused.retryable)
        await _part(socket, error, refused.close, refused.code)
        return
    session_id.set(live.id)
    log.info("connected")
    commands = Commands(service, live, outbox)

    def handle(data: str | bytes) -> None:
        try:
            id = _pauses(data)
            if id is not None:
                context.quotas.check_pause(identity)
        except OverQuota as over:
            outbox.say(_over(over, id or None))
            return
        commands.handle(data)

    try:
        with context.present.here(identity, outbox):
            await _until_one_ends(_read(socket, outbox, handle), write(socket, outbox, context))
    except OverQuota as over:
        await _part(socket, _over(over), CloseCode.POLICY, over.code)
    except SlowReader:
        log.warning("closed: it has read nothing for %g s", service.settings.slow_reader_s)
        service.metrics.drops.labels("slow_reader").inc(outbox.frames)
        await _part(socket, None, CloseCode.POLICY, ErrorCode.SLOW_READER)
    finally:
        service.detach(live, outbox)
        log.info("disconnected")


async def serve_viewer(socket: WebSocket, context: Context, id: str) -> None:
    """A read-only viewer of session `id`."""
    service, identity = context.service, identity_of(socket)
    await accept(socket)
    live = context.running(socket, id)
    if live is None:
        error = Error(code=ErrorCode.UNKNOWN_SESSION, message=f"there is no running session {id[:64]!r}")
        await _part(socket, error, CloseCode.POLICY, ErrorCode.UNKNOWN_SESSION)
        return
    audit("session.watch", identity, session=id)
    outbox = service.watch(live)
    only_pings = ViewerCommands(service, outbox)
    still = asyncio.create_task(_show_still(service, live, outbox))
    try:
        with context.present.here(identity, outbox):
            await _until_one_ends(_read(socket, outbox, only_pings.handle), write(socket, outbox, context))
    except OverQuota as over:
        await _part(socket, _over(over), CloseCode.POLICY, over.code)
    except SlowReader:
        await _part(socket, None, CloseCode.POLICY, ErrorCode.SLOW_READER)
    finally:
        still.cancel()
        service.unwatch(live, outbox)


async def _show_still(service: Service, live: SessionHost, outbox: Outbox) -> None:
    """A viewer who joins while nothing is made gets the last picture; a key frame comes when it goes on."""
    if not live.stands:
        return
    still = await service.dispatcher.still(live, live.session.output.codec)
    if still is not None and outbox.waits_for_key:
        outbox.show_once(live.still_packet(*still))


async def _hello(socket: WebSocket, context: Context, identity: Identity) -> tuple[SessionHost, Outbox]:
    """The first message, which begins or resumes a session. Raises Refused and OverQuota."""
    start, asked = await _first_message(socket)
    if start.resume is None:
        return await _begin(context, identity, start, asked)
    return await _resume(context, identity, start, start.resume)


async def _first_message(socket: WebSocket) -> tuple[SessionStart, float]:
    """`session.start`, and when it came."""
    try:
        async with asyncio.timeout(limits.FIRST_MESSAGE_S):
            text = await _receive(socket)
    except TimeoutError:
        text = f"no session.start came within {limits.FIRST_MESSAGE_S:g} s"
        raise Refused(ErrorCode.TIMEOUT, text, CloseCode.BAD_START) from None
    asked = time.monotonic()
    if isinstance(text, bytes):
        raise Refused(
            ErrorCode.BINARY_NOT_ALLOWED,
            "the first message must be session.start, as JSON text",
            CloseCode.BAD_START,
        )
    try:
        start, ignored = parse_client_message(text)
    except ProtocolError as error:
        raise Refused(error.code, error.message, CloseCode.BAD_START) from None
    if not isinstance(start, SessionStart):
        text = f"the first message must be session.start, not {start.type}"
        raise Refused(ErrorCode.NOT_STARTED, text, CloseCode.BAD_START)
    if ignored:
        log.warning("unknown fields of session.start were ignored: %s", ", ".join(ignored[:8]))
    return start, asked


async def _begin(
    context: Context, identity: Identity, start: SessionStart, asked: float
) -> tuple[SessionHost, Outbox]:
    service = context.service
    if identity.session is not None:
        text = "this token is for one session: resume that one"
        raise Refused(ErrorCode.UNAUTHORIZED, text, CloseCode.POLICY)
    context.quotas.check_start(identity, start.paused)
    live = await service.begin(start, asked, identity.owner)
    context.quotas.began(live, identity)
    audit("session.start", identity, session=live.id)
    outbox = service.outbox(live, start_id=start.id)
    if start.source is not None:
        service.begin_source(live, start.source, first=True)
    return live, outbox


async def _resume(
    context: Context, identity: Identity, start: SessionStart, token: str
) -> tuple[SessionHost, Outbox]:
    service = context.service
    last_frame = start.last_frame if start.last_frame is not None else -1
    await service.wait_loaded()
    try:
        live = service.resume(token, start.known_codecs)
        if not identity.sees(live.meta):
            text = "this session has ended or was away for too long: start a new one"
            raise Refused(ErrorCode.RESUME_EXPIRED, text, CloseCode.BAD_START)
    except Refused as refused:
        if refused.code is ErrorCode.RESUME_EXPIRED:
            context.gate.count_wrong(identity.address)
        raise
    audit("session.resume", identity, session=live.id)
    return live, service.outbox(live, last_frame, start.id)


def _pauses(text: str | bytes) -> int | None:
    """The id of a `session.pause`, 0 where it has none; None for every other message."""
    if isinstance(text, bytes) or '"session.pause"' not in text:
        return None
    try:
        message = parse_client_message(text).message
    except ProtocolError:
        return None
    return (message.id or 0) if isinstance(message, SessionPause) else None


def _over(over: OverQuota | NotAllowed, id: int | None = None) -> Error:
    return Error(
        code=over.code, message=over.message, retryable=True, retry_after_s=over.retry_after_s, id=id
    )


async def _receive(socket: WebSocket) -> str | bytes:
    """The next message. Raises WebSocketDisconnect at the end."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text = message.get("text")
    return message["bytes"] if text is None else text


async def _read(socket: WebSocket, outbox: Outbox, handle: Callable[[str | bytes], None]) -> None:
    """Hands every message on; waits when the client does not read what it is answered, or has had its share of time."""
    share = Share()
    while True:
        await outbox.room()
        message = await _receive(socket)
        before = time.thread_time()
        handle(message)
        await asyncio.sleep(share.spent(MESSAGE_S + time.thread_time() - before, time.monotonic()))


async def write(socket: WebSocket, outbox: Outbox, context: Context) -> None:
    """Sends what is in the box until it is closed; raises SlowReader and OverQuota."""
    slow_s, account = context.settings.slow_reader_s, identity_of(socket).account
    while True:
        item = await outbox.next(time.monotonic)
        if isinstance(item, Closing):
            await _part(socket, None, item.code, item.reason)
            return
        try:
            async with asyncio.timeout(slow_s):
                if isinstance(item, Media):
                    age_us = min(2**32 - 1, round((time.monotonic() - item.began) * 1e6))
                    data = pack(replace(item.packet, age_us=age_us))
                    await socket.send_bytes(data)
                    context.service.metrics.bytes.inc(len(data))
                    context.quotas.sent(account, len(data))
                else:
                    await socket.send_text(item.to_json())
        except TimeoutError:
            raise SlowReader from None


async def _until_one_ends(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs coroutines together; when one ends the others are cancelled. A lost connection is an end."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect):
            raise error


async def _part(socket: WebSocket, error: Error | None, code: int, reason: str) -> None:
    """Says goodbye, if the other side still listens."""
    try:
        async with asyncio.timeout(CLOSE_S):
            if error is not None:
                await socket.send_text(error.to_json())
            if socket.application_state is not WebSocketState.DISCONNECTED:
                await socket.close(code, reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore"))
    except (TimeoutError, WebSocketDisconnect, RuntimeError) as problem:
        log.debug("the connection was gone before its close: %r", problem)
