"""What a gateway shows another of its cluster with a request that it relays: who the client is, as it has found at its own door.

A pass is signed with the secret of the gateways' state folder, for one gateway, one path and a minute: as long as the gateway
that it is for has not published itself too often since. So no clocks of two machines are compared. It is made between
gateways only; what a client sends as one is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import msgspec

from flowbrush.server.http.auth import NotAllowed
from flowbrush.server.http.identity import Identity

HEADER = "x-flowbrush-pass"
GOOD_COUNTS = 240
"""A gateway publishes itself four times a second (`fleet.LOOK_S`), and the others read that as often."""

MAX_ADDRESSES = 1000
"""Of gateways, the latest; a new one has a new address each time that it starts. What they had long ago may be a client's now."""


class _Pass(msgspec.Struct, frozen=True):
    to: str
    count: int
    """of the gateway that it is for, as the other one has it"""
    method: str
    path: str
    identity: Identity


class Passes:
    """Writes and reads them. Without a secret, where the server is no gateway of several, it reads none."""

    def __init__(self, secret: bytes, name: str, count: Callable[[], int] = lambda: 0) -> None:
        """`name`: of this gateway; `count`: how often it has published itself."""
        self._secret = secret
        self._name = name
        self._count = count
        self._addresses: OrderedDict[str, None] = OrderedDict()

    def write(self, to: str, count: int, method: str, path: str, identity: Identity) -> str:
        """For the gateway `to`, which has published itself `count` times; `path` is without its query."""
        passed = replace(identity, hops=identity.hops + 1)
        body = msgspec.json.encode(_Pass(to, count, method, path, passed))
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
        try:
            given = msgspec.json.decode(body, type=_Pass)
        except msgspec.DecodeError:  # of another version
            raise _bad() from None
        fits = (given.to, given.method, given.path) == (self._name, method, path)
        if not fits or self._count() - given.count > GOOD_COUNTS:
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
