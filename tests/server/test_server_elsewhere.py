"""What is asked of a session that another gateway has: who is passed on, with what, and what happens where nobody answers there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server.delivery.delivery import Closing, Outbox
from flowbrush.server.http.elsewhere import AskElsewhere
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.present import Present
from flowbrush.server.http.relay import Unreachable

ANSWER = (
    b"HTTP/1.1 206 Partial Content\r\ncontent-type: video/mp4\r\ncontent-range: bytes 0-2/9\r\n"
    b"server: other\r\ncontent-length: 3\r\n\r\nabc"
)


class Relayed:
    """The way to the other gateway."""

    def __init__(self) -> None:
        self.url_of_other = "http://127.0.0.1:1"
        self.gone = False
        self.passes: list[tuple[str, str, str, str]] = []

    def url(self, to: str) -> str:
        if self.gone:
            raise Unreachable(f"gateway {to} is not there any more")
        return self.url_of_other

    def pass_to(self, to: str, method: str, path: str, identity: Identity) -> dict[str, str]:
        self.passes.append((to, method, path, identity.owner))
        return {"X-Pass": "signed"}


class Fleet:
    """Who has which session."""

    holders = {"theirs": "b"}  # noqa: RUF012

    async def holder(self, id: str) -> str | None:
        return self.holders.get(id)


class World:
    """This gateway, which has the session `ours`; `asked` is what came to the other one, `answers` are those of this one."""

    def __init__(self) -> None:
        self.relay = Relayed()
        service = SimpleNamespace(fleet=Fleet(), lives={"ours": object()})
        context: Any = SimpleNamespace(service=service, relay=self.relay)
        self.app = AskElsewhere(self._here, context)
        self.service = service
        self.asked, self.here = b"", list[bytes]()

    async def _here(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        self.here.append(body)
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})

    @contextlib.asynccontextmanager
    async def other(self, answer: bytes = ANSWER) -> AsyncIterator[None]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.asked = await reader.readuntil(b"\r\n\r\n")
            if b"content-length" in self.asked:
                self.asked += await reader.readexactly(12)
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            self.relay.url_of_other = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield

    async def ask(
        self, path: str, query: str = "", body: bytes = b"", identity: Identity | None = None, **headers: str
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        scope = {
            "type": "http",
            "method": "POST" if body else "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "state": {"identity": identity or Identity("anna", "10.0.0.9")},
        }
        sent: list[Any] = []
        read = False

        async def receive() -> dict[str, Any]:
            nonlocal read
            if read:  # the client is there until it has its answer
                await asyncio.Event().wait()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], dict(sent[0]["headers"]), text


async def test_a_read_is_answered_by_the_gateway_that_has_the_session() -> None:
    world = World()
    async with world.other():
        status, headers, body = await world.ask(
            "/v1/sessions/theirs/recording.mp4",
            "first=1&token=secret&last=2",
            authorization="Bearer secret",
            cookie="a=b",
            range="bytes=0-2",
        )
    assert (status, body) == (206, b"abc")
    assert headers[b"content-range"] == b"bytes 0-2/9" and b"server" not in headers
    assert world.relay.passes == [("b", "GET", "/v1/sessions/theirs/recording.mp4", "anna")]
    head = world.asked.decode().lower()
    assert head.startswith("get /v1/sessions/theirs/recording.mp4?first=1&last=2 http/1.1")
    assert "range: bytes=0-2" in head and "x-pass: signed" in head
    assert "secret" not in head and "cookie" not in head, "who it is says the pass, and nothing else"
    assert world.here == []


@pytest.mark.parametrize("condition", ["if-match", "if-none-match", "if-range"])
async def test_what_a_download_depends_on_goes_along(condition: str) -> None:
    world = World()
    async with world.other():
        await world.ask("/v1/sessions/theirs/recording.mp4", **{condition: '"9-1a"'})
    assert f'{condition}: "9-1a"' in world.asked.decode().lower()


async def test_a_body_goes_along() -> None:
    world = World()
    async with world.other(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"):
        status, _, _ = await world.ask(
            "/v1/sessions/theirs/branch", body=b'{"chunk": 3}', content_type="application/json"
        )
    assert status == 201 and world.asked.endswith(b'\r\n\r\n{"chunk": 3}')
    assert b"content-type: application/json" in world.asked.lower()


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "silent"])
async def test_where_it_does_not_answer_this_one_does_and_has_the_body(gone: bool) -> None:
    world = World()
    world.relay.gone = gone
    async with world.other(b""):
        status, _, body = await world.ask("/v1/sessions/theirs/branch", body=b'{"chunk": 3}')
    assert (status, body, world.here) == (418, b"here", [b'{"chunk": 3}'])


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/v1/sessions/ours/log", Identity("anna", "10.0.0.9")),
        ("/v1/sessions/nobodys/log", Identity("anna", "10.0.0.9")),
        ("/v1/models", Identity("anna", "10.0.0.9")),
        ("/v1/sessions/the.irs/log", Identity("anna", "10.0.0.9")),
        ("/v1/sessions/theirs/log", Identity("anna", "10.0.0.9", hops=1)),
    ],
    ids=["ours", "nobody's", "of no session", "no id", "relayed already"],
)
async def test_all_else_is_answered_here(path: str, identity: Identity) -> None:
    world = World()
    async with world.other():
        assert (await world.ask(path, identity=identity))[0] == 418
    assert world.asked == b"" and world.relay.passes == []


async def test_a_server_alone_asks_nobody() -> None:
    world = World()
    world.service.fleet = None
    assert (await world.ask("/v1/sessions/theirs/log"))[0] == 418


# ---- who is connected


async def test_who_has_a_key_that_is_gone_is_sent_away_and_nobody_else() -> None:
    present, boxes = Present(), {}
    with contextlib.ExitStack() as connected:
        for owner in ("anna", "ben", ""):
            boxes[owner] = Outbox(4, lambda: None, lambda _: None)
            connected.enter_context(present.here(Identity(owner, "10.0.0.9"), boxes[owner]))
        assert present.leave(lambda owner: owner == "ben") == 1
        closing = await boxes["ben"].next(lambda: 0.0)
        assert isinstance(closing, Closing) and closing.code == 1008 and "key" in closing.reason
        assert not boxes["anna"].closed and not boxes[""].closed
    assert present.leave(lambda owner: True) == 0, "who has left is not there"
