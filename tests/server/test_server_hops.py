"""A client that is relayed from gateway to gateway is let go by three of them at the most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server.http.identity import Identity
from flowbrush.server.http.passes import Passes
from flowbrush.server.http.relay import Link, Relay


@pytest.mark.parametrize(("hops", "goes"), [(0, True), (2, True), (3, False)])
async def test_a_session_is_let_go_no_further_than_that(
    hops: int, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, kept = [], []
    fleet = SimpleNamespace(keep=kept.append)
    relay = Relay(fleet, Passes(b"secret", "a"), SimpleNamespace(), 60.0)  # type: ignore[arg-type]

    async def reach(to: str, path: str, identity: Identity, query: str = "") -> Link | None:
        asked.append((to, identity.hops))
        return None  # nobody is there

    monkeypatch.setattr(relay, "reach", reach)
    live: Any = SimpleNamespace(
        session=SimpleNamespace(welcome=SimpleNamespace(said=False)), rank=None, tied=None
    )
    assert await relay.take_along(live, SimpleNamespace(), "b", Identity("", "::1", hops=hops)) is None  # type: ignore[arg-type]
    assert (asked, kept) == ([("b", hops)] if goes else [], [live])
