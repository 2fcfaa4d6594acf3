"""Keys and tokens: whose request it is. Wrong ones are slowed down, and none is ever kept as it was given."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flowbrush.server.http.access import Access, Key
from flowbrush.server.http.identity import Identity, Role

MAX_TOKENS = 5000
"""Of one key at once."""

WRONG_BURST = 20.0
WRONG_PER_S = 20.0 / 60.0
"""Wrong credentials of one address: so many at once, then so many a second."""

MAX_ADDRESSES = 10_000
MAX_KNOWN = 10_000


class NotAllowed(Exception):
    """The request is not let in: `status` 401, 403 or 429."""

    def __init__(self, status: int, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after_s = status, code, message, retry_after_s


@dataclass(frozen=True)
class _Token:
    owner: str
    role: Role
    session: str | None
    ends: float


class Gate:
    """Knows keys and tokens by their hashes alone. Without keys everybody is let in."""

    def __init__(self, access: Access, token_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.access = access
        self.token_s = token_s
        self._clock = clock
        self._tokens: dict[str, OrderedDict[bytes, _Token]] = {}
        """by the key that they were made from"""
        self._wrong = _WrongAttempts(clock)

    @property
    def open(self) -> bool:
        """Whether no key is needed."""
        return not self.access.keys

    def reload(self, access: Access) -> None:
        """Other keys from now on; tokens of keys that are gone are worth nothing."""
        self.access = access
        names = {key.name for key in access.keys}
        self._tokens = {owner: tokens for owner, tokens in self._tokens.items() if owner in names}

    def identify(self, authorization: str | None, token: str | None, address: str) -> Identity:
        """Whose request this is, by its `Authorization` header or its token; raises NotAllowed."""
        if self.open:
            return Identity("", address)
        if authorization is None and not token:
            raise NotAllowed(401, "unauthorized", "no API key or token was given")
        key = _bearer(authorization)
        digest = _digest(key or token or "")
        self._wrong.check(address, digest)
        found = self._by_key(digest, address) if key else self._by_token(digest, address)
        if found is None:
            self._wrong.count(address)
            raise NotAllowed(401, "unauthorized", "the API key or the token is not valid, or not any more")
        self._wrong.remember(address, digest)
        return found

    def count_wrong(self, address: str) -> None:
        """A secret of another kind, a resume token, was wrong; raises NotAllowed (429) when that happens too often."""
        self._wrong.count(address)
        self._wrong.check(address, b"")

    def issue(self, identity: Identity, role: Role, session: str | None) -> str:
        """A new token, good for `token_s` seconds and for any number of connections in that time. Raises NotAllowed (429)
        when the key has too many.
        """
        now = self._clock()
        tokens = self._tokens.setdefault(identity.owner, OrderedDict())
        while tokens and next(iter(tokens.values())).ends <= now:
            tokens.popitem(last=False)
        if len(tokens) >= MAX_TOKENS:
            wait = next(iter(tokens.values())).ends - now
            text = f"this key has {MAX_TOKENS} tokens: the first one ends in {wait:.0f} s"
            raise NotAllowed(429, "rate_limited", text, wait)
        token = secrets.token_urlsafe(24)
        tokens[_digest(token)] = _Token(identity.owner, role, session, now + self.token_s)
        self._wrong.remember(identity.address, _digest(token))
        return token

    def _by_key(self, digest: bytes, address: str) -> Identity | None:
        matching: list[Key] = [
            key for key in self.access.keys if hmac.compare_digest(key.digest, digest)
        ]  # all are compared: how long it takes tells nothing
        return Identity(matching[0].name, address) if matching else None

    def _by_token(self, digest: bytes, address: str) -> Identity | None:
        for tokens in self._tokens.values():
            token = tokens.get(digest)
            if token is not None and token.ends > self._clock():
                return Identity(token.owner, address, token.role, token.session, by_token=True)
        return None


class _WrongAttempts:
    """Slows down guessing. An address that guesses too often is checked no more for a while, except with credentials
    that were right from there before: people behind the same address go on.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """address → (attempts left, as of)"""
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def check(self, address: str, digest: bytes) -> None:
        """Raises NotAllowed (429) where attempts of this address are used up."""
        left = self._attempts(address)
        if left < 1 and (address, digest) not in self._known:
            wait = math.ceil((1 - left) / WRONG_PER_S)
            text = f"too many wrong keys or tokens came from this address: try again in {wait} s"
            raise NotAllowed(429, "rate_limited", text, wait)

    def count(self, address: str) -> None:
        """One more was wrong."""
        self._left[address] = (max(0.0, self._attempts(address) - 1), self._clock())
        self._left.move_to_end(address)
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)

    def remember(self, address: str, digest: bytes) -> None:
        """This one was right."""
        self._known[address, digest] = None
        self._known.move_to_end((address, digest))
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def _attempts(self, address: str) -> float:
        left, since = self._left.get(address, (WRONG_BURST, 0.0))
        return min(WRONG_BURST, left + (self._clock() - since) * WRONG_PER_S)


def _bearer(authorization: str | None) -> str | None:
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
