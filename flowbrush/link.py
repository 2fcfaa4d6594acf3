"""One WebSocket connection to a server: open it, say hello, get messages and packets."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from typing import NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.http11 import Response

from flowbrush import packets
from flowbrush.errors import CloseCode, ConnectionLost, ErrorCode, FlowbrushError, ProtocolError, ServerError
from flowbrush.limits import SUBPROTOCOL
from flowbrush.parse import parse_server_message
from flowbrush.proxies import proxy_for, through
from flowbrush.rest import Server
from flowbrush.server_messages import Error, Queue, ServerMessage, SessionReady
from flowbrush.wording import of_system, of_tls

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
MAX_PACKET_BYTES = 64 << 20


class Link:
    """A connection whose `session.ready` has come."""

    def __init__(self, socket: ClientConnection, ready: SessionReady) -> None:
        self._socket = socket
        self.ready = ready

    @classmethod
    async def open(
        cls, url: str, hello: str | None, server: Server, on_queue: Callable[[Queue], object]
    ) -> Link:
        """Connect to `url` of the server, send `hello` and wait for a seat.

        Raises ServerError when the server refuses, ConnectionLost when there is none or it closes, FlowbrushError
        for a proxy that cannot be used.
        """
        socket = await _connected(url, server)
        try:
            if hello is not None:
                await socket.send(hello)
            return cls(socket, await _wait_ready(socket, on_queue))
        except ConnectionClosed as error:
            code, reason = close_of(error)
            raise ConnectionLost(
                f"{url} closed before the session was ready: {reason}", close_code=code
            ) from None
        except BaseException:
            await socket.close()
            raise

    async def receive(self) -> ServerMessage | packets.Packet | None:
        """The next message or packet, None for an unknown type; raises ConnectionClosed, ProtocolError."""
        return _parse(await self._socket.recv())

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises ConnectionClosed."""
        await self._socket.send(message)

    async def close(self) -> None:
        await self._socket.close()


async def _connected(url: str, server: Server) -> ClientConnection:
    """A connection to a server that speaks our protocol. Raises as `Link.open` does."""
    proxy = proxy_for(url)
    query = await server.query()
    try:
        socket = await connect(
            url + query,  # which is said nowhere
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,  # video does not compress twice, it only costs time
            additional_headers=server.headers,
            proxy=proxy,
            ssl=(server.ssl or True) if server.secure else None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_PACKET_BYTES,
        )
    except InvalidStatus as error:
        _refused(error.response)
    except ssl.SSLError as error:
        raise ConnectionLost(f"no connection to {url}: {of_tls(error)}") from error
    except ImportError as error:  # SOCKS needs a package of its own
        raise FlowbrushError(f"no connection to {url}{through(proxy)}: {error}") from error
    except (OSError, TimeoutError, WebSocketException) as error:
        raise ConnectionLost(f"no connection to {url}{through(proxy)}: {of_system(error)}") from error
    if socket.subprotocol != SUBPROTOCOL:  # who does not know it would never say that the session is ready
        await socket.close()
        raise ConnectionLost(f"what answers at {url} is no flowbrush server: correct the address")
    return socket


def close_of(error: ConnectionClosed) -> tuple[int | None, str]:
    """Close code and reason that the server gave; without a close frame the code is None."""
    if error.rcvd is None:
        return None, "the connection broke"
    return error.rcvd.code, error.rcvd.reason or f"closed with code {error.rcvd.code}"


def _parse(raw: str | bytes) -> ServerMessage | packets.Packet | None:
    try:
        return packets.unpack(raw) if isinstance(raw, bytes) else parse_server_message(raw).message
    except ProtocolError as error:
        if error.code is not ErrorCode.UNKNOWN_TYPE:
            raise
        log.warning("ignored a message: %s", error)
        return None


async def _wait_ready(socket: ClientConnection, on_queue: Callable[[Queue], object]) -> SessionReady:
    while True:
        message = _parse(await socket.recv())
        if isinstance(message, SessionReady):
            return message
        if isinstance(message, Queue):
            on_queue(message)
        elif isinstance(message, Error):
            raise ServerError.from_message(message)


def _refused(response: Response) -> NoReturn:
    """The server's own words, where it gave some."""
    status = response.status_code
    retryable = status in (429, 502, 503, 504)
    try:
        said = json.loads(response.body or b"")["error"]
        code, message = str(said["code"]), f"{said['message']} ({status})"
    except (ValueError, KeyError, TypeError):
        known = status in (401, 403)
        code = ErrorCode.UNAUTHORIZED if known else f"http_{status}"
        message = f"the server refused the connection ({status})" + (": check the API key" if known else "")
        if status < 400 or status == 404:
            message = f"what answers there is no flowbrush server: correct the address ({status})"
    raise ServerError(code, message, retryable=retryable) from None


FINAL_CLOSES = frozenset({CloseCode.DONE, CloseCode.BAD_START, CloseCode.POLICY})
