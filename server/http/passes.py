"""What a gateway shows another of its cluster with a request that it relays: who the client is, as it has found at its own door.

A pass is signed with the secret of the gateways' state folder, for one gateway, one path and a minute. It is made between gateways
only; what a client sends as one is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import msgspec

from flowbrush.server.http.auth import NotAllowed
from flowbrush.server.http.identity import Identity

HEADER = "x-flowbrush-pass"
GOOD_S = 60.0
"""Clocks of gateways may differ by so much."""

MAX_ADDRESSES = 1000
"""Of gateways, the latest; a new one has a new address each time that it starts. What they had long ago may be a client's now."""


class _Pass(msgspec.Struct, frozen=True):
    to: str
    at: float
    method: str
    path: str
    identity: Identity


class Passes:
    """Writes and reads them. Without a secret, where the server is no gateway of several, it reads none."""

    def __init__(self, secret: bytes, name: str, clock: Callable[[], float] = time.time) -> None:
        """`name`: of this gateway."""
        self._secret = secret
        self._name = name
        self._clock = clock
        self._addresses: OrderedDict[str, None] = OrderedDict()

    def write(self, to: str, method: str, path: str, identity: Identity) -> str:
        """For the gateway `to`; `path` is without its query."""
        passed = replace(identity, hops=identity.hops + 1)
        body = msgspec.json.encode(_Pass(to, self._clock(), method, path, passed))
        return f"{base64.urlsafe_b64encode(body).decode()}.{self._sign(body)}"

    def read(self, text: str, method: str, path: str, peer: str) -> Identity:
        """Whose request it is, of the gateway at the address `peer`. Raises NotAllowed."""
        encoded, _, signature = text.partition(".")
        try:
            body = base64.urlsafe_b64decode(encoded)
        except ValueError:
            raise _bad() from None
        if not self._secret or not hmac.compare_digest(self._sign(body).encode(), signature.encode()):
            raise _bad()
        given = msgspec.json.decode(body, type=_Pass)
        fits = (given.to, given.method, given.path) == (self._name, method, path)
        if not fits or abs(self._clock() - given.at) > GOOD_S:
            raise _bad()
        self._addresses[peer] = None
        self._addresses.move_to_end(peer)
        if len(self._addresses) > MAX_ADDRESSES:
            self._addresses.popitem(last=False)
        return given.identity

    def came_from(self, address: str) -> bool:
        """Whether it is another gateway's address: its connections are many clients'."""
        return address in self._addresses

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()


def _bad() -> NotAllowed:
    return NotAllowed(
        403, "unauthorized", "this is no pass of a gateway, or not for this one, or not any more"
    )
