"""What stands around the routes, each alone: targets as proxies write them, bodies, HEAD, early answers, errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request

from flowbrush.server.http import early
from flowbrush.server.http.answers import error_response, over_quota
from flowbrush.server.http.bodies import CompressedRoute, JsonRoute
from flowbrush.server.http.early import Linger
from flowbrush.server.http.limits import MAX_JSON_BYTES, UPLOADS, BodyLimit, HeadAsGet
from flowbrush.server.http.quotas import OverQuota
from flowbrush.server.http.targets import OriginForm

Application = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def scope_of(method: str, target: str, headers: Headers | None = None, kind: str = "http") -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers or [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9),
    }


class Asked:
    """A request in pieces; `status`, `headers` and `body` of its answer, and how many pieces were read."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces, self.read = list(pieces) or [b""], 0
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if self.read == len(self._pieces):
            await asyncio.Event().wait()
        self.read += 1
        more = self.read < len(self._pieces)
        return {"type": "http.request", "body": self._pieces[self.read - 1], "more_body": more}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def of(self, app: Application, scope: dict[str, Any]) -> Asked:
        await app(scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


# ---- targets


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://studio.example:81/v1/models", b"studio.example:81", "/v1/models"),
        ("WS://Studio.example", b"Studio.example", "/"),
        ("https://[::1]:8000/a%20b", b"[::1]:8000", "/a b"),
    ],
)
async def test_a_whole_address_is_a_path_and_its_name_the_host(target: str, host: bytes, path: str) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    headers = [(b"host", b"said.otherwise"), (b"accept", b"*/*")]
    for kind in ("http", "websocket"):
        await OriginForm(app)(scope_of("GET", target, headers, kind), None, None)  # type: ignore[arg-type]
    for scope in seen:
        assert scope["path"] == path
        assert [value for name, value in scope["headers"] if name == b"host"] == [host]
        assert (b"accept", b"*/*") in scope["headers"]


async def test_a_path_is_left_as_it_is() -> None:
    given = scope_of("GET", "/http://x", [(b"host", b"here")])
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    await OriginForm(app)(given, None, None)  # type: ignore[arg-type]
    assert seen == [given]


# ---- bodies


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it got, or with nothing where its client is gone."""
    got, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        got, more = got + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": got})


@pytest.mark.parametrize("length", ["8193", "-1", "1e3", "9" * 30])
async def test_a_body_that_says_that_it_is_too_large_is_not_read(length: str) -> None:
    scope = scope_of("POST", "/v1/tokens", [(b"content-length", length.encode())])
    asked = await Asked(b"x" * 8193).of(BodyLimit(read_all, 1 << 20), scope)
    assert asked.status == 413 and asked.read == 0
    assert json.loads(asked.body)["error"]["code"] == "too_large"


async def test_a_body_in_pieces_ends_where_it_is_too_large() -> None:
    piece = b"x" * (MAX_JSON_BYTES // 2)
    asked = await Asked(piece, piece, b"y", b"z").of(
        BodyLimit(read_all, 1 << 20), scope_of("POST", "/v1/tokens")
    )
    assert asked.sent == [] and asked.read == 3, "nothing after the piece that is too much is read"
    asked = await Asked(piece, piece).of(BodyLimit(read_all, 1 << 20), scope_of("POST", "/v1/tokens"))
    assert len(asked.body) == MAX_JSON_BYTES


async def test_only_an_upload_may_have_what_an_upload_may_have() -> None:
    body = b"x" * (MAX_JSON_BYTES + 1)
    headers = [(b"content-length", str(len(body)).encode())]
    asked = await Asked(body).of(BodyLimit(read_all, 1 << 20), scope_of("POST", UPLOADS, headers))
    assert asked.status == 200 and asked.body == body
    asked = await Asked(body).of(BodyLimit(read_all, 1 << 20), scope_of("POST", UPLOADS + "/x", headers))
    assert asked.status == 413


async def test_head_is_answered_as_get_without_a_body_also_of_what_never_ends() -> None:
    ended: list[str] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "GET"
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"video/mp4")]}
        )
        while (await receive())["type"] != "http.disconnect":
            await send({"type": "http.response.body", "body": b"frame", "more_body": True})
        ended.append("once its head was sent")

    asked = await Asked().of(HeadAsGet(endless), scope_of("HEAD", "/v1/sessions/a/watch.mjpeg"))
    assert asked.headers == {b"content-type": b"video/mp4"} and asked.body == b""
    assert not asked.sent[-1]["more_body"] and ended == ["once its head was sent"]


def routes(route: type[APIRouter] | Any) -> FastAPI:
    router = APIRouter(route_class=route)

    @router.post("/said")
    async def said(request: Request) -> dict[str, Any]:
        return {"got": await request.json(), "long": "na" * 2000}

    app = FastAPI()
    app.include_router(router)
    return app


async def test_a_name_that_stands_twice_is_refused_wherever_it_stands() -> None:
    route: Any = JsonRoute
    router = APIRouter(route_class=route)

    @router.post("/said")
    async def said(wanted: dict[str, Any]) -> dict[str, Any]:
        return wanted

    app = FastAPI()
    app.include_router(router)
    headers = [(b"content-type", b"application/json")]
    asked = await Asked(b'{"a": {"b": 1, "b": 2}}').of(app, scope_of("POST", "/said", headers))
    assert asked.status == 422 and "stands twice in one object" in asked.body.decode()
    asked = await Asked(b'{"a": {"b": 1}, "b": 2}').of(app, scope_of("POST", "/said", headers))
    assert asked.status == 200 and json.loads(asked.body) == {"a": {"b": 1}, "b": 2}


async def test_an_answer_is_compressed_for_who_takes_that_and_only_on_such_a_route() -> None:
    headers = [(b"content-type", b"application/json"), (b"accept-encoding", b"gzip")]
    asked = await Asked(b"{}").of(routes(CompressedRoute), scope_of("POST", "/said", headers))
    assert asked.headers[b"content-encoding"] == b"gzip" and len(asked.body) < 200
    for route, names in ((CompressedRoute, headers[:1]), (JsonRoute, headers)):
        plain = await Asked(b"{}").of(routes(route), scope_of("POST", "/said", names))
        assert b"content-encoding" not in plain.headers and len(plain.body) > 4000


# ---- early answers


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    await error_response(401, "unauthorized", "no")(scope, receive, send)


async def test_an_early_answer_is_sent_before_the_rest_of_the_body_is_thrown_away() -> None:
    order: list[str] = []
    asked = Asked(b"a", b"b", b"c")

    async def receive() -> dict[str, Any]:
        order.append("read")
        return await asked.receive()

    async def send(message: dict[str, Any]) -> None:
        order.append(message["type"].rpartition(".")[2] + (" and more" if message.get("more_body") else ""))
        asked.sent.append(message)

    await Linger(refuse)(scope_of("POST", "/v1/images", [(b"content-length", b"3")]), receive, send)
    assert order == ["start", "body and more", "read", "read", "read", "body"]
    assert asked.headers[b"connection"] == b"close" and json.loads(asked.body)["error"]["message"] == "no"


async def test_an_early_answer_ends_though_its_client_sends_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "LINGER_S", 0.05)
    never = Asked(b"a", b"b")
    never.receive = asyncio.Event().wait  # type: ignore[method-assign,assignment]
    await never.of(Linger(refuse), scope_of("POST", "/v1/images", [(b"transfer-encoding", b"chunked")]))
    assert never.status == 401 and [message.get("more_body", False) for message in never.sent[1:]] == [
        True,
        False,
    ]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"000")]])
async def test_where_there_is_no_body_nothing_is_waited_for(headers: Headers) -> None:
    asked = await Asked().of(Linger(refuse), scope_of("GET", "/v1/models", headers))
    assert asked.read == 0 and b"connection" not in asked.headers


async def test_after_a_body_that_was_read_the_connection_stays() -> None:
    asked = await Asked(b"a", b"b").of(Linger(read_all), scope_of("POST", "/x", [(b"content-length", b"2")]))
    assert asked.body == b"ab" and b"connection" not in asked.headers


# ---- errors


@pytest.mark.parametrize(("wait_s", "header"), [(0.0, "1"), (0.2, "1"), (59.01, "60")])
def test_who_is_to_come_later_is_told_whole_seconds_and_never_none(wait_s: float, header: str) -> None:
    answer = error_response(503, "busy", "later", retry_after_s=wait_s, field="model")
    assert answer.headers["retry-after"] == header
    error = json.loads(bytes(answer.body))["error"]
    assert error == {"code": "busy", "message": "later", "retry_after_s": wait_s, "field": "model"}


def test_who_has_used_up_what_it_may_have_is_told_for_how_long() -> None:
    answer = over_quota(OverQuota("all of today's minutes are used", 90.5))
    assert answer.status_code == 429 and answer.headers["retry-after"] == "91"
    assert json.loads(bytes(answer.body))["error"]["code"] == "quota"


def test_an_answer_says_no_more_than_there_is_to_say() -> None:
    answer = error_response(404, "unknown_session", "none")
    assert json.loads(bytes(answer.body)) == {"error": {"code": "unknown_session", "message": "none"}}
    assert "retry-after" not in answer.headers and "www-authenticate" not in answer.headers
    assert error_response(401, "unauthorized", "no").headers["www-authenticate"] == "Bearer"
