"""Answering before the body of a request was read, so that the client hears it."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

LINGER_S = 2.0
MAX_THROWN_AWAY = 64 << 20


async def answer_early(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends `response`, then throws away for a moment what still comes: a connection that is cut while its client is
    sending loses the answer, too.
    """
    last: Message | None = None

    async def keep_open(message: Message) -> None:
        nonlocal last
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            last, message = {**message, "body": b""}, {**message, "more_body": True}
        await send(message)

    response.headers["Connection"] = "close"
    await response(scope, receive, keep_open)
    try:
        async with asyncio.timeout(LINGER_S):
            await _throw_away(receive)
    except TimeoutError:
        pass
    if last is not None:
        await send(last)


async def _throw_away(receive: Receive) -> None:
    read, more = 0, True
    while more and read < MAX_THROWN_AWAY:
        message = await receive()
        read += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
