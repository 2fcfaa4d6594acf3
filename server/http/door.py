"""The door: everything that is checked before a request is looked at, and before its body is read."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import time
from dataclasses import dataclass

from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from flowbrush.server.http.answers import error_response
from flowbrush.server.http.audit import note
from flowbrush.server.http.auth import Gate, NotAllowed
from flowbrush.server.http.hosts import CalledBy, Names, Origins, Proxies, account_address
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.passes import HEADER, Passes
from flowbrush.server.http.share import LONGEST_WAIT_S, REQUEST_S, UPGRADE_S, Arrivals
from flowbrush.server.metrics import Metrics

log = logging.getLogger(__name__)

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_LINKS = re.compile(r"/v1/sessions/[^/]+/(recording\.mp4|frame\.jpg|watch\.mjpeg|log)")
"""Links that a browser follows by itself: they take a token in the query."""

_NO_LINK = "a token is for WebSockets and for links to a session's pictures and log: send a key, as Authorization: Bearer KEY"

_FRAMED_TWICE = (
    "the body's length is said in two ways: send Content-Length or, in HTTP/1.1, Transfer-Encoding"
)

_BEGINNING = ("/v1/stream", "/v1/realtime/video")
"""Where sessions begin: what a viewer's token is not for."""

_OF_A_SESSION = re.compile(r"/v1/sessions/([^/]+)(?:/(.*))?")


@dataclass(frozen=True)
class Rules:
    """All that decides who comes in."""

    gate: Gate
    names: Names
    origins: Origins
    proxies: Proxies
    passes: Passes
    upgrades_per_s: float
    """WebSockets that an address may open"""


class Door:
    """ASGI middleware. Leaves the `Identity` of a request in its state; what may not come in gets no further."""

    def __init__(self, app: ASGIApp, rules: Rules, metrics: Metrics) -> None:
        self._app = app
        self._rules = rules
        self._metrics = metrics
        self._arrivals = Arrivals(rules.upgrades_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        called = self._rules.proxies.called_by(peer, scope["scheme"], dict(headers))
        if called.prefix:
            scope = {**scope, "root_path": called.prefix}
        try:
            identity = self._let_in(scope, headers, called)
            if path_of(scope).startswith("/v1/"):
                cost_s = UPGRADE_S if scope["type"] == "websocket" else REQUEST_S
                await self._wait(identity.address, cost_s)
        except NotAllowed as refused:
            self._note(refused, called, scope)
            response = error_response(
                refused.status, refused.code, refused.message, retry_after_s=refused.retry_after_s
            )
            await _refuse(response, scope, receive, send)
            return
        scope.setdefault("state", {})["identity"] = identity
        await self._app(scope, receive, send)

    def _let_in(self, scope: Scope, headers: Headers, called: CalledBy) -> Identity:
        path = path_of(scope)
        if _UNPRINTABLE.search(path):
            raise NotAllowed(400, "invalid_value", "the path holds a control character")
        if _framed_twice(scope, headers):
            raise NotAllowed(400, "invalid_value", _FRAMED_TWICE)
        if HEADER in headers:
            peer = scope["client"][0] if scope.get("client") else ""
            return self._rules.passes.read(headers[HEADER], method_of(scope), path, peer)
        names = self._rules.names
        for host in (headers.get("host"), called.host):
            if not names.allows(host):
                raise NotAllowed(403, "host_refused", _about_host(host or ""))
        origin = headers.get("origin")
        if not self._rules.origins.allows(origin, called):
            raise NotAllowed(403, "origin_refused", _about_origin(origin or "", called))
        address = account_address(called.address)
        if not (path.startswith("/v1/") or path == "/metrics"):
            return Identity("", address)
        token = _token(scope)
        if token and not (scope["type"] == "websocket" or _LINKS.fullmatch(path)):
            token = None
            if not self._rules.gate.open and "authorization" not in headers:
                raise NotAllowed(401, "unauthorized", _NO_LINK)
        identity = self._rules.gate.identify(headers.get("authorization"), token, address)
        if identity.by_token:
            _check_token(identity, path)
        return identity

    async def _wait(self, address: str, cost_s: float) -> None:
        """Those who come too often wait for those who do not; raises NotAllowed (429) when too many of an address do."""
        rest_s = self._arrivals.wait_s(address, cost_s, time.monotonic())
        if rest_s is None:
            text = f"too many requests come from this address: {LONGEST_WAIT_S:g} s of them wait already"
            raise NotAllowed(429, "rate_limited", text, math.ceil(LONGEST_WAIT_S))
        if rest_s > 0:
            await asyncio.sleep(rest_s)

    def _note(self, refused: NotAllowed, called: CalledBy, scope: Scope) -> None:
        self._metrics.refused.labels(refused.code).inc()
        if refused.status != 429:  # a flood of these says nothing new
            note(
                "refused",
                code=refused.code,
                status=refused.status,
                address=called.address,
                path=path_of(scope)[:200],
            )


def identity_of(connection: HTTPConnection) -> Identity:
    """Whose request it is, as the door found."""
    identity: Identity = connection.state.identity
    return identity


def method_of(scope: Scope) -> str:
    """GET, POST, …; of a WebSocket its scheme, in capitals."""
    return scope["method"] if scope["type"] == "http" else "WS"


def path_of(scope: Scope) -> str:
    """The path without the prefix that a proxy put before it."""
    path: str = scope["path"]
    prefix = scope.get("root_path", "")
    return path.removeprefix(prefix) if prefix and path.startswith(f"{prefix}/") else path


def _token(scope: Scope) -> str | None:
    return QueryParams(scope["query_string"]).get("token")


def _check_token(identity: Identity, path: str) -> None:
    """What a token is not for: a viewer's for the stream, one of a session for another."""
    if path in _BEGINNING:
        if not identity.may_control:
            raise NotAllowed(
                403, "unauthorized", "this token is a viewer's: it shows a session, and begins none"
            )
        return
    of_session = _OF_A_SESSION.fullmatch(path)
    if of_session and not identity.sees_id(of_session[1]):
        raise NotAllowed(404, "unknown_session", f"nothing is here of a session {of_session[1][:64]!r}")


def _framed_twice(scope: Scope, headers: Headers) -> bool:
    """Whether a proxy before this server may have taken the body to end elsewhere: then what follows it, another request to one of
    the two, can be somebody else's (RFC 9112, 6.1).
    """
    pieces = "transfer-encoding" in headers
    return pieces and ("content-length" in headers or scope.get("http_version") == "1.0")


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.send_denial_response(response)
    else:
        await response(scope, receive, send)


def _about_host(host: str) -> str:
    return (
        f"this server does not answer to the name {host[:100]!r}: call it localhost or by its address, "
        "or name it in FLOWBRUSH_ALLOWED_HOSTS"
    )


def _about_origin(origin: str, called: CalledBy) -> str:
    return (
        f"pages of {origin[:100]!r} may not connect: this server was called {(called.host or '')[:100]!r}. Name the page's "
        "origin in FLOWBRUSH_ALLOWED_ORIGINS; behind a proxy have it pass on Host or X-Forwarded-Host and "
        "X-Forwarded-Port, and name its address in FLOWBRUSH_TRUSTED_PROXIES"
    )
