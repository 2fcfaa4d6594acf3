"""The application: the service behind its sockets and routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowbrush import limits
from server.http import api_page, page, routes
from server.http.auth import Gate
from server.http.stream import error_response, serve_stream, serve_viewer
from server.sessions.service import Service
from server.settings import MIB, Settings

BODY_SLACK = MIB
"""A request may be so much larger than the largest image: the form around it."""

MAX_THROWN_AWAY = 64 * MIB


class BodyLimit:
    """Ends requests whose body is larger than `limit` bytes before they fill memory or disk."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._limit:
            await self._refuse(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:  # a body without a length, in pieces
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Says why, after reading on for a while: a client that still sends would not see the answer."""
        read, more = 0, True
        while more and read < MAX_THROWN_AWAY:
            message = await receive()
            read += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
        answer = error_response(413, "too_large", f"the request is too large: at most {self._limit} bytes")
        await answer(scope, receive, send)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application; its service is in `app.state.service`."""
    gate = Gate(settings.api_keys, settings.allowed_origins, settings.token_s)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="flowbrush",
        version=f"protocol {limits.PROTOCOL_VERSION}",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service = Service(settings)
    app.add_middleware(BodyLimit, limit=settings.image_mib * MIB + BODY_SLACK)

    @app.exception_handler(routes.Refusal)
    async def refused(request: Request, error: routes.Refusal) -> JSONResponse:
        return error.response

    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await serve_stream(socket, service, gate)

    @app.websocket("/v1/sessions/{id}/watch")
    async def watch(socket: WebSocket, id: str) -> None:
        await serve_viewer(socket, service, gate, id)

    app.include_router(routes.router(service, gate))
    app.include_router(page.router())
    app.include_router(api_page.router(app))
    return app
