"""Who a request is from, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from flowbrush.server.engine.scheduler import Rank

Role = Literal["controller", "viewer"]


class Owned(Protocol):
    """What a session's record says of its owner."""

    @property
    def id(self) -> str: ...

    @property
    def owner(self) -> str: ...


@dataclass(frozen=True)
class Identity:
    """`owner` is the name of the key, "" on a server without keys; `address` is the client's.

    A request with a key may do everything with what is its own; one with a token what the token's role allows, and
    only with `session` where the token names one.
    """

    owner: str
    address: str
    role: Role = "controller"
    session: str | None = None
    by_token: bool = False
    hops: int = 0
    """gateways that relayed the request: the first of them has let it in"""
    rank: Rank | None = None
    """the place of its session in the queue, which it brings along from another gateway"""
    tied: bool = False
    """whether the session that it brings along ends with its connection"""

    @property
    def account(self) -> str:
        """Whose quota is used."""
        return self.owner or self.address

    @property
    def may_control(self) -> bool:
        """Whether it may begin and steer sessions, upload, branch."""
        return self.role == "controller"

    def sees(self, session: Owned) -> bool:
        """Whether the session is its own; to everybody else it does not exist."""
        return self.sees_id(session.id) and (not self.owner or session.owner == self.owner)

    def sees_id(self, id: str) -> bool:
        """Whether its token, if it has one, is for this session."""
        return self.session in (None, id)
