"""Requests whose target is a whole address, as a proxy writes it: a server must take them, too (RFC 9112, 3.2.2)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_ABSOLUTE = re.compile(rb"(?:http|ws)s?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


class OriginForm:
    """ASGI middleware. Behind it there are paths alone; the name that stood in a target is the `Host`, whatever that said."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (found := _ABSOLUTE.fullmatch(scope["raw_path"])):
            authority, path = found[1], found[2] or b"/"
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {
                **scope,
                "raw_path": path,
                "path": unquote(path.decode("ascii")),
                "headers": [(b"host", authority), *headers],
            }
        await self._app(scope, receive, send)
