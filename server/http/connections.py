"""Connections: how many there may be, and how long each may take for its part of HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from flowbrush.server.http.hosts import account_address

log = logging.getLogger(__name__)

READ_AT_ONCE = 1 << 15
"""Bytes of one connection that are taken in one go; all frames in them are looked at before anybody else's turn."""


def _plain(status: str, text: str, *more: str) -> bytes:
    head = (
        f"HTTP/1.1 {status}",
        "content-type: text/plain",
        f"content-length: {len(text)}",
        *more,
        "connection: close",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + text).encode()


TURNED_AWAY = _plain(
    "503 Service Unavailable", "there are too many connections: try again later", "retry-after: 5"
)
NO_HANDSHAKE = _plain(
    "400 Bad Request",
    "this is no handshake of a WebSocket: expected a GET without a body, lines of at most 8 KiB, and at most 128 headers",
)
TOO_SLOW = _plain("408 Request Timeout", "the request took too long to arrive")


@dataclass(frozen=True)
class ConnectionLimits:
    """`total` and `per_address` connections, WebSockets included; `shared` are addresses of proxies, which stand for many.

    Seconds: `header_s` from the connection to the end of a request's header, `body_s` from there to the end of its body,
    `write_s` while a client takes nothing of an answer.
    """

    total: int
    per_address: int
    header_s: float
    body_s: float
    write_s: float
    shared: Callable[[str], bool]
    turned_away: Callable[[str], None]
    """told the cause: `connections`, `address`, `header`, `body`, `write`"""


class _Bounded(H11Protocol):
    """uvicorn's HTTP protocol with limits; WebSockets leave it when their upgrade has come."""

    limits: ConnectionLimits

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._waits_for = ""
        self._unread: asyncio.TimerHandle | None = None
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        transport.max_size = READ_AT_ONCE  # type: ignore[attr-defined]
        cause = self._too_many()
        if cause:
            self._turn_away(cause, TURNED_AWAY)
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.resume_writing()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop()
        self._upgraded = True  # what follows is no HTTP: an answer would break the stream
        super().handle_websocket_upgrade(event)
        # what its parser does not take, as one with a body or with a very long header, it would neither answer nor close
        handshake = getattr(self.transport.get_protocol(), "conn", None)
        if getattr(handshake, "handshake_exc", None) is not None and not self.transport.is_closing():
            self._turn_away("header", NO_HANDSHAKE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.write_s, self._not_read)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        if self.flow is not None:
            super().resume_writing()

    def _too_many(self) -> str:
        """Why this connection is one too many; empty where it is not."""
        limits = self.limits
        if len(self.connections) > limits.total:
            return "connections"
        peer = self.client[0] if self.client else ""
        if limits.shared(peer):
            return ""
        address = account_address(peer)
        peers = [getattr(other, "client", None) for other in self.connections]
        of_address = [peer for peer in peers if peer and account_address(peer[0]) == address]
        return "address" if len(of_address) > limits.per_address else ""

    def _watch(self) -> None:
        """Sets the clock for what the client has to send next."""
        state = self.conn.their_state
        waits_for = {h11.IDLE: "header", h11.SEND_BODY: "body"}.get(state, "")
        between_requests = state is h11.IDLE and self.timeout_keep_alive_task is not None
        if self.transport.is_closing() or between_requests or self._upgraded:
            waits_for = ""
        if waits_for == self._waits_for:
            return
        self._stop()
        self._waits_for = waits_for
        if waits_for:
            after_s = self.limits.header_s if waits_for == "header" else self.limits.body_s
            self._deadline = self.loop.call_later(after_s, self._too_slow)

    def _stop(self) -> None:
        self._waits_for = ""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            cycle = self.cycle
            answering = cycle is not None and cycle.response_started and not cycle.response_complete
            self._turn_away(self._waits_for, b"" if answering else TOO_SLOW)

    def _not_read(self) -> None:
        self._tell("write")
        self.transport.abort()

    def _turn_away(self, cause: str, answer: bytes) -> None:
        self._tell(cause)
        self.transport.write(answer)
        self.transport.close()

    def _tell(self, cause: str) -> None:
        self.limits.turned_away(cause)
        log.warning(
            "a connection was closed (%s), %d are open; /metrics counts them", cause, len(self.connections)
        )


def bounded_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http`."""
    return type("Bounded", (_Bounded,), {"limits": limits})
