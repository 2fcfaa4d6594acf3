"""What a server says is printed by programs that use the client: it may not speak to their terminal, or forge a line."""

from __future__ import annotations

import asyncio
import logging

import pytest
from server_double import Double, fast
from websockets.asyncio.server import ServerConnection, serve

import flowbrush
from flowbrush import protocol as p
from flowbrush.printable import printable

HOSTILE = "\x1b]0;pwned\x07 no\nWARNING all is well\u202e\r" + "x" * 100_000


def harmless(text: str) -> bool:
    return text.isprintable() and len(text) < 2000


def test_text_is_cut_and_on_one_line() -> None:
    assert printable("grüße, 世界") == "grüße, 世界"
    assert printable("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert harmless(printable(HOSTILE))


async def test_a_refusal_can_be_printed_and_is_kept_as_it_was_said() -> None:
    async def refuses(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(p.Error(code="busy\n", message=HOSTILE).to_json())

    async with serve(refuses, "127.0.0.1", 0, subprotocols=["flowbrush.v1"]) as other:  # type: ignore[list-item]
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(flowbrush.ServerError) as refused:
            await flowbrush.connect(f"http://127.0.0.1:{port}", prompt="a fox").__aenter__()
    assert harmless(str(refused.value)) and refused.value.message == HOSTILE


async def test_a_reason_for_the_end_can_be_printed() -> None:
    async def closes(socket: ServerConnection) -> None:
        await socket.close(1008, "\x1b[2J\nbye")

    async with serve(closes, "127.0.0.1", 0, subprotocols=["flowbrush.v1"]) as other:  # type: ignore[list-item]
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(flowbrush.ConnectionLost) as lost:
            await flowbrush.connect(f"http://127.0.0.1:{port}", prompt="a fox").__aenter__()
    assert harmless(str(lost.value)) and "bye" in str(lost.value)


async def test_what_a_server_reports_is_one_line_of_the_log(
    server: Double, caplog: pytest.LogCaptureFixture
) -> None:
    async with fast(server) as stream:
        with caplog.at_level(logging.WARNING):
            assert server.socket is not None
            await server.socket.send(p.Error(code="internal", message=HOSTILE).to_json())
            async with asyncio.timeout(20):
                while not caplog.records:
                    await anext(aiter(stream))
    assert all(harmless(record.getMessage()) for record in caplog.records)
