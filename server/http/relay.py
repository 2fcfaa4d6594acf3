"""Between gateways: a client that has come to one of them is served by the one that has its session.

What goes to and fro is passed on as it is, message by message and block by block; where one side does not read, the other waits.
The gateway that has the session sees the client as its own, by the pass that comes with the request.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket as sockets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import websockets
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from flowbrush.errors import CloseCode
from flowbrush.protocol import SUBPROTOCOL
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.http.ending import part, until_one_ends
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.passes import HEADER, Passes
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions.fleet import Fleet
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.roster import Gateway

log = logging.getLogger(__name__)

CONNECT_S = 2.0
CLOSE_S = 1.0
PING_S = 20.0
MESSAGES = 4
"""Messages of the other gateway that wait for the client: more would be stale when it reads them."""

RECEIVED_BYTES = 128 << 10
"""The same for what the system holds."""

NO_CODE, LOST = 1005, 1006
"""How a connection ended that was closed without a code, or not closed."""

VIDEO_COMPLETE = '{"type": "session.stop", "reason": "completed"}'
"""What a gateway that tells a video on says to the one that has its session, once it has all that was asked for. To a client's
`session.stop` the reason is an unknown field, which means nothing.
"""

MAX_HOPS = 3
"""A session whose client comes by so many gateways is let go no further."""


class Unreachable(Exception):
    """The other gateway does not answer, or does not take this client."""


@dataclass(frozen=True)
class Link:
    """An open WebSocket to another gateway, what is sent there first, and whether its `session.ready` is one too many.

    `answered` hears of its first word.
    """

    socket: ClientConnection
    first: tuple[str | bytes, ...] = ()
    quiet: bool = False
    answered: Callable[[], None] = lambda: None


Way = Coroutine[Any, Any, None]
Ways = Callable[[WebSocket, Link], tuple[Way, ...]]
"""What runs for a relayed connection until one of it ends."""


class Elsewhere(Exception):
    """The client's session is at another gateway, to which there is a link."""

    def __init__(self, link: Link) -> None:
        super().__init__("the session is at another gateway")
        self.link = link


class Relay:
    """Without a fleet there is nobody to relay to."""

    def __init__(self, fleet: Fleet | None, passes: Passes, metrics: Metrics, silent_s: float) -> None:
        """`silent_s`: for so long a client may read nothing (seconds)."""
        self.fleet = fleet
        self._passes = passes
        self._metrics = metrics
        self._silent_s = silent_s

    def url(self, to: str) -> str:
        """Where a gateway is reached. Raises Unreachable."""
        return self._gateway(to).url.rstrip("/")

    def pass_to(self, to: str, method: str, path: str, identity: Identity) -> dict[str, str]:
        """The header that lets a client in there. Raises Unreachable."""
        return {HEADER: self._passes.write(to, self._gateway(to).count, method, path, identity)}

    def _gateway(self, to: str) -> Gateway:
        gateway = None if self.fleet is None else self.fleet.gateways.get(to)
        if gateway is None:
            raise Unreachable(f"gateway {to} is not there any more")
        return gateway

    async def open(self, to: str, path: str, identity: Identity, query: str = "") -> Link:
        """A WebSocket of this client at the gateway `to`. Raises Unreachable."""
        address = self.url(to).replace("http", "ws", 1) + path + (f"?{query}" if query else "")
        try:
            connection = await websockets.connect(
                address,
                additional_headers=self.pass_to(to, "WS", path, identity),
                subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
                compression=None,
                proxy=None,
                open_timeout=CONNECT_S,
                close_timeout=CLOSE_S,
                ping_interval=PING_S,
                ping_timeout=self._silent_s + PING_S,
                max_size=None,
                max_queue=MESSAGES,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            log.warning("gateway %s cannot be reached at %s: %s", to, self.url(to), error)
            raise Unreachable(str(error)) from error
        raw = connection.transport.get_extra_info("socket")
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, RECEIVED_BYTES)
        return Link(connection)

    async def better(self, model: str, path: str, identity: Identity) -> Link | None:
        """A link to a gateway where one who comes now finds a seat of a model, where it would have to wait here."""
        to = None if self.fleet is None or identity.hops else self.fleet.elsewhere(model)
        return None if to is None else await self.reach(to, path, identity)

    async def reach(self, to: str, path: str, identity: Identity, query: str = "") -> Link | None:
        """As `open`; None where the gateway cannot be reached."""
        try:
            return await self.open(to, path, identity, query)
        except Unreachable:
            return None

    async def take_along(self, live: SessionHost, outbox: Outbox, to: str, identity: Identity) -> Link | None:
        """The session goes to the gateway `to`, and its client with it; None where it stays."""
        assert self.fleet is not None
        if identity.hops >= MAX_HOPS:
            self.fleet.keep(live)
            return None
        quiet = live.session.welcome.said
        link = await self.reach(to, "/v1/stream", replace(identity, rank=live.rank, tied=live.tied))
        if link is None:
            self.fleet.keep(live)
            return None
        first = await self.fleet.let_go(live, outbox, to)
        if not first:
            await link.socket.close()
            return None
        return replace(link, first=first, quiet=quiet, answered=partial(self.fleet.arrived, live))

    async def pump(self, socket: WebSocket, link: Link, ways: Ways | None = None) -> None:
        """Passes everything on, both ways, until one side ends; the other ends with it. `ways` do it otherwise than as it is."""
        self._metrics.relayed.inc()
        try:
            for data in link.first:
                await link.socket.send(data)
            await until_one_ends(*(_as_it_is if ways is None else ways)(socket, link))
        except ConnectionClosed:
            await part_as(socket, link.socket)
        finally:
            self._metrics.relayed.dec()
            await link.socket.close()


def _as_it_is(socket: WebSocket, link: Link) -> tuple[Way, ...]:
    return _up(socket, link.socket), _down(link, socket)


async def _up(socket: WebSocket, to: ClientConnection) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", LOST))
        text = message.get("text")
        try:
            await to.send(message["bytes"] if text is None else text)
        except ConnectionClosed:  # the other way hears how it ended
            await asyncio.Event().wait()


async def _down(link: Link, socket: WebSocket) -> None:
    quiet = link.quiet
    try:
        data = await link.socket.recv()
        link.answered()
        while True:
            if isinstance(data, bytes):
                await socket.send_bytes(data)
            elif quiet and json.loads(data).get("type") == "session.ready":
                quiet = False  # the client has heard it, before its session moved
            else:
                await socket.send_text(data)
            data = await link.socket.recv()
    except ConnectionClosed:
        await part_as(socket, link.socket)


async def part_as(socket: WebSocket, ended: ClientConnection) -> None:
    """The client's connection ends as the one to its session did."""
    code, reason = ended.close_code or LOST, ended.close_reason or ""
    if code == LOST:
        code, reason = CloseCode.GOING_AWAY, "the gateway that had the session is gone: resume"
    await part(socket, None, CloseCode.DONE if code == NO_CODE else code, reason)
