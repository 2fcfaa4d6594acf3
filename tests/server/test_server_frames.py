"""Frames of a WebSocket of which no message comes: they take a share of the server, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import Any

import pytest
import uvicorn
from raw_client import RawClient
from running_server import RunningServer
from uvicorn.server import ServerState

from flowbrush.server.http import frames
from flowbrush.server.http.frames import MAX_PIECES, UNREAD_BYTES, Frames

UPGRADE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, PIECE, PING, LAST = 1, 0, 9, 0x80


def frame(kind: int, data: bytes = b"") -> bytes:
    return bytes([kind, 0x80 | len(data), 0, 0, 0, 0]) + data


class Transport(asyncio.Transport):
    """It writes down what is done with it."""

    closed, unsent = False, 0

    def __init__(self) -> None:
        super().__init__()
        self.read = asyncio.Event()
        self.read.set()

    @property
    def reading(self) -> bool:
        return self.read.is_set()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        self.read.clear()

    def resume_reading(self) -> None:
        self.read.set()

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def write(self, data: Any) -> None: ...

    def get_write_buffer_size(self) -> int:
        return self.unsent


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


class Connection:
    """One of a client that is let in; `spend` says how long the next frames take."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spent = 0.0
        self._now = 0.0
        monkeypatch.setattr(frames.time, "thread_time", self._clock)
        config = uvicorn.Config(app, ws=Frames, log_config=None, lifespan="off")
        self.protocol = Frames(config=config, server_state=ServerState(), app_state={})
        self.transport = Transport()
        self.protocol.connection_made(self.transport)
        self.protocol.data_received(UPGRADE)

    def _clock(self) -> float:
        self._now += self.spent
        return self._now

    async def hears(self, data: bytes, seconds: float) -> None:
        self.spent = seconds
        self.protocol.data_received(data)
        self.spent = 0.0
        for _ in range(5):  # the application has its turns
            await asyncio.sleep(0)

    async def until_read(self) -> None:
        async with asyncio.timeout(30):
            await self.transport.read.wait()


@pytest.fixture
async def it(monkeypatch: pytest.MonkeyPatch) -> Any:
    connection = Connection(monkeypatch)
    await asyncio.sleep(0)
    yield connection
    connection.protocol.connection_lost(None)


async def test_pings_that_take_long_have_their_sender_wait_and_then_go_on(it: Connection) -> None:
    await it.hears(frame(LAST | PING), 0.001)
    assert it.transport.reading
    await it.hears(frame(LAST | PING) * 100, 0.2)
    assert not it.transport.reading
    await it.until_read()


async def test_a_message_between_them_does_not_end_the_wait(it: Connection) -> None:
    await it.hears(frame(LAST | PING) * 100 + frame(LAST | TEXT, b"{}"), 0.2)
    assert not it.transport.reading
    await it.until_read()


async def test_who_does_not_read_the_answers_is_not_listened_to(it: Connection) -> None:
    it.transport.unsent = UNREAD_BYTES + 1
    await it.hears(frame(LAST | PING) * 100, 0.0)
    assert not it.transport.reading
    assert it.protocol._resting is not None
    it.protocol._resting.cancel()
    it.protocol._go_on()
    assert not it.transport.reading
    it.transport.unsent = 0
    await it.until_read()


async def test_what_came_before_the_wait_is_heard_after_it(it: Connection) -> None:
    heard: list[Any] = []
    it.protocol.handle_text = heard.append  # type: ignore[method-assign]
    await it.hears((frame(LAST | PING) * 900 + frame(LAST | TEXT, b"{}")) * 3, 0.2)
    assert len(heard) < 3
    await it.until_read()
    assert len(heard) == 3


async def test_a_message_in_pieces_is_one_and_in_very_many_is_none(it: Connection) -> None:
    await it.hears(frame(TEXT, b"{") + frame(PIECE) * 1000 + frame(LAST | PIECE, b"}"), 0.0)
    assert not it.transport.closed and not it.protocol.frames
    await it.hears(frame(TEXT, b"{") + frame(PIECE) * (MAX_PIECES + 1), 0.0)
    assert it.transport.closed
    said = it.protocol.conn.close_sent
    assert said is not None and said.code == 1009 and "at most 4096 frames" in said.reason


@pytest.mark.parametrize("text", [b"\xff\xfe", b'{"type":"\xed\xa0\x80"}'], ids=["no text", "half of a pair"])
async def test_text_that_is_none_is_refused_and_is_no_error_of_the_server(
    server: RunningServer, text: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(UPGRADE)
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 101 ")
        client.sendall(frame(LAST | TEXT, text))
        said = b""
        while part := client.recv(1 << 16):
            said += part
    assert said[2:4] == (1007).to_bytes(2, "big") and b"a text message is UTF-8" in said
    log = server.log.read_text()
    assert "Traceback" not in log and "ERROR" not in log


async def test_a_letter_that_comes_in_two_pieces_is_text(it: Connection) -> None:
    await it.hears(frame(TEXT, b'"\xc3') + frame(LAST | PIECE, b'\xbc"'), 0.0)
    assert not it.transport.closed and not it.protocol.frames


async def test_a_real_server_ends_it_and_plays_on_for_others(server: RunningServer) -> None:
    async with RawClient(server.url) as playing:
        await playing.start()
        await playing.count(4)
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as attacker:
            attacker.sendall(UPGRADE)
            assert attacker.recv(1 << 16).startswith(b"HTTP/1.1 101 ")
            attacker.sendall(frame(TEXT, json.dumps({"type": "session.start"}).encode()))
            with contextlib.suppress(ConnectionError):  # what was sent after its end
                attacker.sendall(frame(PIECE) * 50_000)
                while attacker.recv(1 << 16):
                    pass
        await playing.count(len(playing.packets) + 8)
