"""One HTTP request to another gateway; its answer comes in blocks, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

CONNECT_S = 2.0
HEAD_S = 300.0
"""The answer to a request for a recording begins when that has been made playable."""

BLOCK = 1 << 16


class NoAnswer(OSError):
    """The other side did not answer, or not in HTTP."""


@dataclass(frozen=True)
class Answer:
    """`body` must be read to its end, or closed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: AsyncGenerator[bytes]


async def forward(
    url: str, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> Answer:
    """Asks the server at `url` for `target` (a path, with its query). Raises NoAnswer."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=secure or None, limit=BLOCK)
    except OSError as error:
        raise NoAnswer(str(error) or f"no connection within {CONNECT_S:g} s") from error
    try:
        connection = h11.Connection(h11.CLIENT)
        asked = [(b"host", parts.netloc.encode()), (b"connection", b"close"), *headers]
        if body:
            asked.append((b"content-length", str(len(body)).encode()))
        writer.write(connection.send(h11.Request(method=method, target=target, headers=asked)) or b"")
        writer.write(connection.send(h11.Data(data=body)) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
        async with asyncio.timeout(HEAD_S):
            event = await _next(connection, reader)
            while isinstance(event, h11.InformationalResponse):
                event = await _next(connection, reader)
        if not isinstance(event, h11.Response):
            raise NoAnswer("the connection ended before the answer")
    except BaseException as error:
        writer.close()
        if isinstance(error, OSError | h11.ProtocolError):
            raise NoAnswer(str(error) or f"nothing within {HEAD_S:g} s") from error
        raise
    return Answer(event.status_code, list(event.headers), _blocks(connection, reader, writer))


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(BLOCK))
    return event


async def _blocks(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncGenerator[bytes]:
    """Raises h11.RemoteProtocolError and OSError where it breaks off, so that nobody takes a part for the whole."""
    try:
        while isinstance(event := await _next(connection, reader), h11.Data):
            yield bytes(event.data)
    finally:
        writer.close()
