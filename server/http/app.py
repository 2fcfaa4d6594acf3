"""The application: the service behind its sockets and routes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import cast

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, WebSocketRoute

from flowbrush import limits
from flowbrush.errors import ErrorCode
from flowbrush.parse import code_of
from flowbrush.server.engine.engine import Engine
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.http import api_page, catalog, health, page, pictures, sessions
from flowbrush.server.http.answers import error_response
from flowbrush.server.http.context import Context
from flowbrush.server.http.door import Door, Rules
from flowbrush.server.http.early import Linger
from flowbrush.server.http.elsewhere import AskElsewhere
from flowbrush.server.http.hosts import Names, Origins, Proxies, as_browsers_write
from flowbrush.server.http.limits import BodyLimit, HeadAsGet
from flowbrush.server.http.realtime import serve_realtime
from flowbrush.server.http.stream import serve_stream, serve_viewer
from flowbrush.server.http.targets import OriginForm
from flowbrush.server.settings import MIB, Settings
from flowbrush.server.store.storage import StorageLate, StorageRefuses
from flowbrush.wording import expected, kind_of, path_of

_JSON = re.compile(r"application/(.+\+)?json")
RETRY_S = 10.0
NOWHERE = "nowhere"
"""The route of WebSockets that no other one takes."""
BODY_SLACK = MIB
"""A request may be so much larger than the largest image: the form around it."""


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The ASGI application with workers of `engine`, else of this machine; what it is made of is in `app.state.context`.

    Raises BadSettings.
    """
    context = Context.make(settings, LocalEngine() if engine is None else engine)
    service = context.service

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="flowbrush",
        version=f"protocol {limits.PROTOCOL_VERSION}",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # to a name that the client chose, and without a proxy's prefix
    )
    app.state.context = context
    _add_walls(app, context)
    _add_sockets(app, context)
    for room in (catalog, sessions, pictures):
        app.include_router(room.router(context))
    app.include_router(health.router(service))
    app.include_router(page.router())
    app.include_router(api_page.router(app))
    return app


def _add_walls(app: FastAPI, context: Context) -> None:
    """What every request passes before a route has it, and what is said of one that fails."""
    settings = context.settings
    app.add_middleware(AskElsewhere, context=context)
    app.add_middleware(BodyLimit, upload=settings.image_mib * MIB + BODY_SLACK)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Door, rules=rules(settings, context), metrics=context.service.metrics)
    if settings.allowed_origins:  # what pages of theirs may ask for, they may read
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[as_browsers_write(origin) for origin in settings.allowed_origins],
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Range"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Linger)
    app.add_middleware(OriginForm)  # the last one added is outermost
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    for trouble in (StorageLate, StorageRefuses):
        app.add_exception_handler(trouble, _from_disk)


def _add_sockets(app: FastAPI, context: Context) -> None:
    @app.websocket("/v1/stream")
    async def stream(socket: WebSocket) -> None:
        await serve_stream(socket, context)

    @app.websocket("/v1/realtime/video")
    async def realtime(socket: WebSocket) -> None:
        await serve_realtime(socket, context)

    @app.websocket("/v1/sessions/{id}/watch")
    async def watch(socket: WebSocket, id: str) -> None:
        await serve_viewer(socket, context, id)

    sockets = [route.path for route in app.routes if isinstance(route, WebSocketRoute)]

    @app.websocket("/{path:path}", name=NOWHERE)
    async def nowhere(socket: WebSocket) -> None:
        text = f"no WebSocket is at {socket.url.path[:100]}: there are {', '.join(sockets)}"
        await socket.send_denial_response(error_response(404, "http_404", text))


def rules(settings: Settings, context: Context) -> Rules:
    """Who comes in, by the settings."""
    return Rules(
        context.gate,
        Names(settings.allowed_hosts, any_name=settings.needs_keys),
        Origins(settings.allowed_origins),
        Proxies(ip_network(text, strict=False) for text in settings.trusted_proxies),
        context.passes,
        settings.upgrades_per_s,
    )


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """What does not fit its schema. The input is not repeated: it may be anything, also what JSON cannot hold."""
    assert isinstance(error, RequestValidationError)
    first = cast(ErrorDetails, error.errors()[0])
    field = (
        path_of(first, drop=1) if first["type"] != "json_invalid" else ""
    )  # where that is a place in the text
    code, text = code_of(kind_of(first)), f"{field or 'the body'}: {expected(first)}"[:500]
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if first["loc"][0] == "body" and not _JSON.fullmatch(kind) and _has_body(request):
        code = ErrorCode.INVALID_VALUE
        text = (
            f"the body is {kind or 'of no kind'}: send JSON, with the header Content-Type: application/json"[
                :500
            ]
        )
    return error_response(422, code, text, field=field or None)


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


async def _from_disk(request: Request, error: Exception) -> JSONResponse:
    """What needs a disk that does not answer, or gives nothing."""
    return error_response(503, ErrorCode.BUSY, f"{error}: try again later", retry_after_s=RETRY_S)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """What no route takes, in the form of all other errors."""
    assert isinstance(error, HTTPException)
    path, headers = request.url.path[:100], dict(error.headers or {})
    status, text = error.status_code, str(error.detail)
    if status == 400 and request.headers.get("content-type", "").startswith("application/json"):
        text = "the body cannot be read: expected one JSON object, in UTF-8 and not compressed"
    if status == 404 and any(_is_socket(route, request.url.path) for route in request.app.routes):
        status, headers["Upgrade"] = 426, "websocket"
        text = f"{path} is a WebSocket: connect to it with ws:// or wss:// (subprotocol {limits.SUBPROTOCOL} for /v1/stream)"
    elif status == 404:
        text = f"there is nothing at {path}: /docs lists what there is"
    elif status == 405:
        text = f"{path} does not take {request.method}, but {headers.get('Allow', 'other methods')}"
    response = error_response(status, f"http_{status}", text)
    response.headers.update(headers)
    return response


def _is_socket(route: BaseRoute, path: str) -> bool:
    return isinstance(route, WebSocketRoute) and route.name != NOWHERE and bool(route.path_regex.match(path))
