"""Who may come in: API keys, short-lived tokens for browsers, origins."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlsplit

MAX_TOKENS = 10_000


class Gate:
    """Checks keys and tokens. Without keys everybody is let in (the server then listens on loopback only)."""

    def __init__(
        self,
        keys: tuple[str, ...],
        origins: tuple[str, ...],
        token_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._origins = {origin.rstrip("/").lower() for origin in origins}
        self.token_s = token_s
        self._clock = clock
        self._tokens: dict[str, float] = {}

    @property
    def open(self) -> bool:
        """Whether no key is needed."""
        return not self._keys

    def allows(self, authorization: str | None, token: str | None = None) -> bool:
        """Whether an `Authorization` header or a token lets in."""
        if self.open:
            return True
        if authorization is not None:
            scheme, _, key = authorization.partition(" ")
            given = key.strip().encode()
            if scheme.lower() == "bearer" and any(
                [hmac.compare_digest(given, known) for known in self._keys]
            ):
                return True
        return token is not None and self._tokens.get(token, 0.0) > self._clock()

    def issue(self) -> str:
        """A new token, good for `token_s` seconds and for any number of connections in that time."""
        now = self._clock()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        while len(self._tokens) >= MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = secrets.token_urlsafe(24)
        self._tokens[token] = now + self.token_s
        return token

    def allows_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of `origin` may connect: the server's own pages and the allow list.

        Programs send no `Origin`; they are let in. Browsers always send one, so a foreign page cannot hide.
        """
        if origin is None:
            return True
        if origin.rstrip("/").lower() in self._origins:
            return True
        return host is not None and urlsplit(origin).netloc.lower() == host.lower()
