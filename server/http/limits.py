"""Middleware: how large a body may be, and HEAD."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowbrush.server.http.answers import error_response
from flowbrush.server.http.door import path_of

UPLOADS = "/v1/images"


MAX_JSON_BYTES = 1 << 13
"""What a route takes is much less. Ten MiB of it, as a picture may have, took the event loop 18 s."""


class BodyLimit:
    """Ends requests whose body is too large before they fill memory or disk, or take the time of others."""

    def __init__(self, app: ASGIApp, upload: int) -> None:
        """An upload may have `upload` bytes, all else `MAX_JSON_BYTES`."""
        self._app = app
        self._upload = upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._upload if path_of(scope) == UPLOADS else MAX_JSON_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > 18 or int(announced) > limit:
            text = f"the request is too large: at most {limit} bytes"
            await error_response(413, "too_large", text)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:  # a body without a length, in pieces
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)


class HeadAsGet:
    """Answers HEAD as GET, without a body: also of what never ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = False

        async def head_only(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                begun = True

        async def until_head() -> Message:
            return {"type": "http.disconnect"} if begun else await receive()

        await self._app({**scope, "method": "GET"}, until_head, head_only)
