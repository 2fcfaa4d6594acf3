"""Addresses of a server, and the one REST call that a stream needs: uploading a start image."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import secrets
import ssl as tls
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from pydantic import AfterValidator

from flowbrush.arguments import checked, one_of
from flowbrush.errors import ConnectionLost, FlowbrushError, ServerError
from flowbrush.proxies import proxy_for, through
from flowbrush.wording import in_python, of_system, of_tls

UPLOAD_TIMEOUT_S = 30.0


def _not_empty(image: Any) -> Any:
    if isinstance(image, bytes) and not image:
        raise ValueError("no bytes, where an encoded image (PNG, JPEG, WebP) is expected")
    return image


ImageLike = Annotated[
    bytes | str | os.PathLike[str],
    one_of("the path of a file, or an encoded image (PNG, JPEG, WebP) as bytes", bytes, str, os.PathLike),
    AfterValidator(_not_empty),
]


TokenLike = Annotated[
    str | Callable[[], str | Awaitable[str]],
    one_of("a token of POST /v1/tokens, or a function that gives one", str, Callable),
]
"""A short-lived token; a function, which may be async, is asked for one at every connection."""


@dataclass(frozen=True)
class Server:
    """A server's address. `host` may have a port; `prefix` is the path before /v1, usually empty.

    `ssl` is the context for https, the default one where it is None. `user` is `name:password`, for a proxy in front. `token` opens
    WebSockets where there is no `api_key`.
    """

    host: str
    secure: bool = False
    prefix: str = ""
    api_key: str | None = field(default=None, repr=False)
    ssl: tls.SSLContext | None = None
    user: str = field(default="", repr=False)
    token: TokenLike | None = field(default=None, repr=False)

    @classmethod
    def from_url(
        cls,
        url: str,
        api_key: str | None = None,
        ssl: tls.SSLContext | None = None,
        token: TokenLike | None = None,
    ) -> Server:
        """From `localhost:8000`, `http(s)://…` or `ws(s)://…`, also with /v1/stream; raises ValueError."""
        parts = _parts_of(url)
        user, _, host = parts.netloc.rpartition("@")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("api_key has characters that no header can carry: expected printable ASCII")
        if api_key is not None and user:
            raise ValueError(
                "give either api_key, or name and password in the address: one header carries both"
            )
        if token is not None and api_key is not None:
            raise ValueError("give either api_key or token: a key needs no token")
        if token == "":
            raise ValueError("token is '': expected a token of POST /v1/tokens, or a function that gives one")
        prefix = parts.path.rstrip("/").removesuffix("/stream").removesuffix("/v1")
        secure = parts.scheme in ("https", "wss")
        if ssl is not None and not secure:
            raise ValueError(f"ssl= goes with an https address, not with {url!r}")
        return cls(host, secure, prefix, api_key, ssl, unquote(user), token)

    @property
    def headers(self) -> dict[str, str]:
        if self.user:
            return {"Authorization": f"Basic {b64encode(self.user.encode()).decode()}"}
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    async def query(self) -> str:
        """What follows the address of a WebSocket: `?token=…`, or nothing. Raises FlowbrushError where no token is given."""
        if self.token is None:
            return ""
        try:
            token = self.token if isinstance(self.token, str) else await _asked(self.token)
        except FlowbrushError:
            raise
        except (OSError, HTTPException) as error:  # the server may be back soon
            raise ConnectionLost(f"no token could be had: {of_system(error)}") from error
        except Exception as error:
            raise FlowbrushError(f"no token could be had: {error!r:.200}") from error
        if not isinstance(token, str) or not token:
            raise FlowbrushError(f"the function for tokens gave {in_python(token)}: expected a token")
        return f"?token={quote(token, safe='')}"

    @property
    def stream_url(self) -> str:
        return f"{self._base('ws')}/v1/stream"

    def watch_url(self, session: str) -> str:
        """Where viewers of a session connect."""
        return f"{self._base('ws')}/v1/sessions/{quote(session, safe='')}/watch"

    def http_url(self, path: str) -> str:
        """`path` on this server, as in `recording` and `log` of session.done; full URLs stay as they are."""
        return path if "://" in path else f"{self._base('http')}{path}"

    def _base(self, scheme: str) -> str:
        return f"{scheme}{'s' if self.secure else ''}://{self.host}{self.prefix}"

    @checked
    async def upload(self, image: ImageLike) -> str:
        """Uploads an encoded image (bytes, or a file's path) and gives its id; raises FlowbrushError, TypeError for neither."""
        try:
            data = image if isinstance(image, bytes) else await asyncio.to_thread(Path(image).read_bytes)
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL
            raise FlowbrushError(f"the image cannot be read: {of_system(error)}") from error
        return await asyncio.to_thread(self._upload, data)

    def _upload(self, data: bytes) -> str:
        boundary = secrets.token_hex(16)
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="image"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode() + data
        body += f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", **self.headers}
        request = urllib.request.Request(self.http_url("/v1/images"), body, headers, method="POST")
        proxy = proxy_for(request.full_url)
        proxies = {} if proxy is None else {request.type: proxy}
        handlers = [urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=self.ssl)]
        director = urllib.request.build_opener(*handlers)
        try:
            with director.open(request, timeout=UPLOAD_TIMEOUT_S) as answer:
                return str(json.load(answer)["id"])
        except urllib.error.HTTPError as error:
            refusal = _refusal(error.code, error.read(2000))
            if error.code == 401 and self.token is not None:
                refusal = ServerError(
                    refusal.code, f"{refusal.message}; a token opens streams alone: upload with api_key="
                )
            raise refusal from None
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            text = f"the image could not be uploaded to {self.host}{through(proxy)}: {_why(error)}"
            raise FlowbrushError(text) from error


def _parts_of(url: str) -> SplitResult:
    """The address taken apart; raises ValueError for what is none."""
    url, example = url.strip(), "expected for example http://localhost:8000"
    said = f"not the address of a server: {url!r:.60}"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        _ = parts.port  # is a number, if there is one
        name = (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ValueError(f"{said} ({error}); {example}") from None
    if parts.scheme not in ("http", "https", "ws", "wss") or not name or re.search(r"\s", url):
        raise ValueError(f"{said}; {example}")
    if parts.query or parts.fragment:  # not shown: it may be a token
        text = "what follows ? or # in the address of a server would not be sent: leave it out, and give api_key= or token="
        raise ValueError(f"{text}; {example}")
    return parts


async def _asked(give: Callable[[], str | Awaitable[str]]) -> object:
    """What a function gives. It may ask a server meanwhile: the stream does not wait for that."""
    given = give() if inspect.iscoroutinefunction(give) else await asyncio.to_thread(give)
    return await given if inspect.isawaitable(given) else given


def _why(error: Exception) -> str:
    """What kept an image from being uploaded."""
    why = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(why, tls.SSLError):
        return of_tls(why)
    broke = isinstance(why, OSError | IncompleteRead)  # a server that ends in the midst of it
    if not broke and isinstance(why, HTTPException | ValueError | KeyError | TypeError):
        return f"what answers there is no flowbrush server: correct the address ({type(why).__name__})"
    return of_system(why) if isinstance(why, BaseException) else str(why)


def _refusal(status: int, body: bytes) -> ServerError:
    """The server's own code and words, where the answer has them."""
    text = body.decode(errors="replace")
    try:
        said = json.loads(text)["error"]
        return ServerError(str(said["code"]), f"the image was refused: {said['message']}")
    except (ValueError, KeyError, TypeError):
        return ServerError("upload_refused", f"the image was refused ({status}): {text}")
