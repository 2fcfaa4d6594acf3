"""Limits of single connections, on the protocol that the server gives uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
import uvloop
import websockets
from running_server import RunningServer

from flowbrush.server.http.connections import ConnectionLimits, bounded_protocol

WAIT_S = 30.0


@contextlib.asynccontextmanager
async def serving(app: Any, told: Callable[[str], None], **limits: Any) -> AsyncIterator[int]:
    """An application behind the protocol; gives its port."""
    usual = {"total": 8, "per_address": 4, "header_s": WAIT_S, "body_s": WAIT_S, "write_s": WAIT_S}
    bounds = ConnectionLimits(
        **{**usual, "shared": lambda address: False, **limits}, turned_away=told  # type: ignore[arg-type]
    )  # fmt: skip
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=bounded_protocol(bounds), lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await running


async def endless(scope: Any, receive: Any, send: Any) -> None:
    """Answers with more than anybody reads."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while not (await asyncio.sleep(0)):
        await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})


async def short(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    given_up = asyncio.get_running_loop().create_future()
    async with serving(endless, given_up.set_result, write_s=0.2) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            assert await given_up == "write"
        writer.close()
        assert reader is not None


async def test_a_connection_that_is_kept_may_ask_again_and_not_slowly() -> None:
    closed: list[str] = []
    async with serving(short, closed.append, header_s=0.3) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(WAIT_S):
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                await reader.readuntil(b"ok")
            assert closed == []
            writer.write(b"GET / HTTP/1.1\r\nHos")
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408") and closed == ["header"]
        writer.close()


async def test_connections_are_counted_in_all_and_by_address_but_not_by_a_proxys() -> None:
    for limits, cause in (({"total": 2}, "connections"), ({"per_address": 2}, "address")):
        closed: list[str] = []
        async with serving(short, closed.append, **limits) as port:
            pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            async with asyncio.timeout(WAIT_S):
                assert (await pairs[-1][0].read()).startswith(b"HTTP/1.1 503")
            assert closed == [cause]
            for _, writer in pairs:
                writer.close()
    async with serving(short, closed.append, per_address=1, shared=lambda address: True) as port:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in pairs:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(WAIT_S):
                assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()


async def ticking(scope: Any, receive: Any, send: Any) -> None:
    """A WebSocket that lives longer than a request may take."""
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(4):
        await asyncio.sleep(0.1)
        await send({"type": "websocket.send", "text": "tick"})
    await send({"type": "websocket.close"})


async def test_a_websocket_is_no_request_that_takes_too_long() -> None:
    closed: list[str] = []
    async with serving(ticking, closed.append, header_s=0.15, body_s=0.15) as port:
        async with asyncio.timeout(WAIT_S), websockets.connect(f"ws://127.0.0.1:{port}") as socket:
            heard = [message async for message in socket]
    assert heard == ["tick"] * 4 and closed == []


def test_the_server_takes_connections_where_another_event_loop_is_installed(
    make_server: type[RunningServer],
) -> None:
    assert (
        uvloop.new_event_loop
    )  # which uvicorn would take by itself; its transports cannot be told how much to read at once
    assert make_server().json("/healthz")["status"] == "ok"
