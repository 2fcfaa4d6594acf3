"""What a hand would take is shown before it takes it, and costs the stream nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from raw_client import RawClient
from session_harness import Harness, orders, said

from flowbrush.server.engine import ipc
from flowbrush.server.sessions import events as on

SQUARE = (((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),)


def test_the_latest_wish_to_see_counts_and_waits_for_the_state(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.tell(on.Attached(0))
    it.tell(on.ProbeAsked((0.1, 0.1), id=1))
    assert not it.session.curious, "there is nothing to look at yet"
    it.seat()
    it.tell(on.ProbeAsked((0.2, 0.3), ((0.4, 0.4),), id=2))
    (order,) = orders(it.tell(on.ProbeTurn()))
    assert (order.point, order.add) == ((0.2, 0.3), ((0.4, 0.4),))
    assert not it.session.curious and not orders(it.tell(on.ProbeTurn()))
    (answer,) = said(it.tell(ipc.Outlined("id", order.epoch, SQUARE, "")), "outline")
    assert (answer.id, answer.x, answer.region, answer.label) == (2, 0.2, SQUARE, None)


async def test_over_the_wire(server) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start("a test", paused=True)
        assert ready["capabilities"]["probe"] is True
        await client.send(type="session.step", chunks=1)
        await client.message("session.paused")
        await client.send(type="probe", id=7, x=0.3, y=0.5)
        outline = await client.message("outline", id=7)
        assert outline["label"] == "square" and outline["region"][0][0] == pytest.approx([0.2, 0.4])
        point = {"t": 0.3, "x": 0.5, "y": 0.5}
        await client.send(type="track.begin", id=1, track=3, kind="drag", points=[point])
        await client.send(type="session.step", chunks=1)
        held = await client.message("track.held")
        assert held["track"] == 3 and len(held["region"][0]) == 3
