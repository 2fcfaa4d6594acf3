"""Answers that are given before the body of a request was read: they must reach a client that is still sending."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_S = 2.0
MAX_THROWN_AWAY = 64 << 20


class Linger:
    """ASGI middleware. After such an answer it throws away for a moment what still comes, and closes the connection then: one that
    is cut while its client is sending loses the answer, too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        unread = True

        async def followed() -> Message:
            nonlocal unread
            message = await receive()
            unread = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def lingering(message: Message) -> None:
            if unread and message["type"] == "http.response.start":
                MutableHeaders(raw=message.setdefault("headers", [])).update({"Connection": "close"})
            if unread and message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await _throw_away(receive)
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, followed, lingering)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0") != ""


async def _throw_away(receive: Receive) -> None:
    read, more = 0, True
    try:
        async with asyncio.timeout(LINGER_S):
            while more and read < MAX_THROWN_AWAY:
                message = await receive()
                read += len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
