"""Bodies in JSON: a name that stands twice in an object is refused, as in messages and session files. Some go out compressed."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

from flowbrush.parse import named_twice, said_of_twice


class _Checked(Request):
    """A request whose JSON names each thing once."""

    async def json(self) -> Any:
        """Raises json.JSONDecodeError, of which FastAPI makes an answer."""
        data, text = await super().json(), (await self.body()).decode()
        if (name := named_twice(text)) is not None:
            raise json.JSONDecodeError(said_of_twice(name), text, 0)
        return data


class JsonRoute(APIRoute):
    """A route whose body is checked so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            return await handle(_Checked(request.scope, request.receive))

        return checked


class CompressedRoute(JsonRoute):
    """One whose answer is compressed where the client takes that.

    For answers that are whole and the same for everybody: what is sent bit by bit would wait in the compressor, and where something
    of the request stands beside a secret, the length would tell of it.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await GZipMiddleware(super().handle)(scope, receive, send)
