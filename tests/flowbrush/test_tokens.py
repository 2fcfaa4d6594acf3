"""A client that has no key, but a short-lived token: it opens the WebSocket, and is shown nowhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from server_double import Double

import flowbrush
from flowbrush.rest import Server

SECRET = "s3cret/&token"


@pytest.fixture
async def server() -> AsyncIterator[Double]:
    async with Double() as double:
        yield double


def opened(server: Double, token: Any) -> flowbrush.Stream:
    return flowbrush.connect(server.url, prompt="a fox", token=token, frames="packets", realtime=False)


def path_of(server: Double) -> str:
    assert server.socket is not None and server.socket.request is not None
    return server.socket.request.path


async def asynchronous() -> str:
    await asyncio.sleep(0)
    return SECRET


@pytest.mark.parametrize("token", [SECRET, lambda: SECRET, asynchronous, lambda: asynchronous()])
async def test_a_token_is_sent_with_the_address_and_not_as_a_key(server: Double, token: Any) -> None:
    async with opened(server, token):
        assert path_of(server) == "/v1/stream?token=s3cret%2F%26token"
        assert server.socket is not None and server.socket.request is not None
        assert "Authorization" not in server.socket.request.headers


async def test_without_one_the_address_is_as_it_was(server: Double) -> None:
    async with opened(server, None):
        assert path_of(server) == "/v1/stream"


async def test_a_connection_that_is_restored_shows_a_fresh_one(server: Double) -> None:
    given = iter(("first", "second"))
    server.cut_at_frame = 5
    async with opened(server, lambda: next(given)) as stream:
        packets = [await anext(stream) for _ in range(12)]
        assert path_of(server).endswith("?token=second")
    assert [packet.frame for packet in packets] == list(range(12))


async def test_a_server_that_gives_no_token_for_a_moment_is_asked_again(server: Double) -> None:
    tokens = iter(("first", OSError("down"), "third"))

    def give() -> str:
        token = next(tokens)
        if isinstance(token, OSError):
            raise token
        return token

    server.cut_at_frame = 5
    async with opened(server, give) as stream:
        assert len([await anext(stream) for _ in range(12)]) == 12
        assert path_of(server).endswith("?token=third")


def fails() -> str:
    raise KeyError("token")


@pytest.mark.parametrize(
    ("give", "says"),
    [
        (lambda: "", "gave '': expected a token"),
        (lambda: {"token": "x"}, "expected a token"),
        (fails, "no token could be had: KeyError"),
    ],
)
async def test_a_function_that_gives_none_is_named(
    server: Double, give: Callable[[], Any], says: str
) -> None:
    with pytest.raises(flowbrush.FlowbrushError, match=says):
        async with opened(server, give):
            pass


async def test_no_error_and_no_line_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(flowbrush.ConnectionLost) as lost:
        async with flowbrush.connect("localhost:1", prompt="a", token="s3cret"):
            pass
    assert "s3cret" not in str(lost.value) + caplog.text + repr(Server.from_url("h", token="s3cret"))


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"token": "t", "api_key": "k"}, ValueError, "give either api_key or token"),
        ({"token": ""}, ValueError, "token is ''"),
        ({"token": 7}, TypeError, "token is 7: expected a token of POST /v1/tokens, or a function"),
    ],
)
def test_what_is_no_token_is_told(options: dict[str, Any], kind: type[Exception], says: str) -> None:
    for call in (
        lambda: flowbrush.connect(prompt="a", **options),
        lambda: flowbrush.watch("h", "s", **options),
    ):
        with pytest.raises(kind, match=says):
            call()
