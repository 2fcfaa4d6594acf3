"""What is asked of a session that another gateway has is answered by that one: its state, log, recording, viewers."""

from __future__ import annotations

import logging
import re
from contextlib import aclosing
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from flowbrush.server.http.context import Context
from flowbrush.server.http.door import identity_of, method_of, path_of
from flowbrush.server.http.forward import Answer, NoAnswer, forward
from flowbrush.server.http.relay import Unreachable
from flowbrush.server.http.talk import accept

log = logging.getLogger(__name__)

_OF_A_SESSION = re.compile(r"/v1/sessions/([A-Za-z0-9_-]{1,64})(/.*)?")
_PASSED_ON = (b"accept", b"content-type", b"range", b"if-range", b"if-match", b"if-none-match")
_OF_THE_CONNECTION = (b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server")


class AskElsewhere:
    """ASGI middleware, behind the door. Where the other gateway does not answer, this one does with what it has."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        to = await self._holder(scope)
        if to is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._watched(to, scope, receive, send)
        else:
            await self._asked(to, scope, receive, send)

    async def _holder(self, scope: Scope) -> str | None:
        fleet = self._context.service.fleet
        if fleet is None or scope["type"] not in ("http", "websocket"):
            return None
        of_session = _OF_A_SESSION.fullmatch(path_of(scope))
        if of_session is None or of_session[1] in self._context.service.lives:
            return None
        if scope["state"]["identity"].hops:  # that one took it to be here
            return None
        return await fleet.holder(of_session[1])

    async def _watched(self, to: str, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        link = await self._context.relay.reach(to, path_of(scope), identity_of(socket), _query(scope))
        if link is None:
            await self._app(scope, receive, send)
            return
        await accept(socket)
        await self._context.relay.pump(socket, link)

    async def _asked(self, to: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()  # those about a session are small
        try:
            answer = await self._ask(to, request, body)
        except (Unreachable, NoAnswer) as error:
            log.warning("gateway %s was asked about a session, and did not answer: %s", to, error)
            await self._app(scope, _again(body, receive), send)
            return
        async with aclosing(answer.body):
            response = StreamingResponse(answer.body, answer.status)
            response.raw_headers = [each for each in answer.headers if each[0] not in _OF_THE_CONNECTION]
            await response(scope, receive, send)

    async def _ask(self, to: str, request: Request, body: bytes) -> Answer:
        """Raises Unreachable and NoAnswer."""
        relay, scope = self._context.relay, request.scope
        path, method, query = path_of(scope), method_of(scope), _query(scope)
        passed = relay.pass_to(to, method, path, identity_of(request))
        headers = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
        headers += [(name.encode(), value.encode()) for name, value in passed.items()]
        target = quote(path) + (f"?{query}" if query else "")
        return await forward(relay.url(to), method, target, headers, body)


def _again(body: bytes, receive: Receive) -> Receive:
    """A request whose body was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_part() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_part


def _query(scope: Scope) -> str:
    """The query, without the token that this gateway has looked at."""
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return urlencode([(name, value) for name, value in asked if name != "token"])
