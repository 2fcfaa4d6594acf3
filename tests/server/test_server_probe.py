"""What a hand would take is shown before it takes it, and costs the stream nothing."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from raw_client import RawClient
from session_harness import Harness, orders, said
from session_world import World

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


def test_a_look_never_comes_before_a_chunk_that_is_due() -> None:
    world = World(workers=1)
    client = world.begin(paused=False)
    world.processes[0].load(2)
    for _ in range(4):
        world._one_round()
    worker = world.processes[0]
    world.ask(client, on.Reported(client.live.session.output.pts))
    world.ask(client, on.ProbeAsked((0.5, 0.5)))
    world.clock.advance(0.0)
    for _ in range(12):
        (order,) = worker.orders
        if isinstance(order, ipc.Probe):
            break
        session = client.live.session
        worker.answer()
        worker.encode()
        world.clock.advance(0.0)
    due = session.due(world.clock.now)
    assert isinstance(order, ipc.Probe) and (due is None or due > world.clock.now), "no chunk is due now"
    assert session.output.chunks > 3, "what was due came first"


def test_a_worker_that_is_always_late_still_looks() -> None:
    """Every chunk is due when the one before it is made; the looks come between them, one at a time."""
    world = World(workers=1)
    client = world.begin(paused=False)
    worker = world.processes[0]
    worker.load(2)
    kinds = []
    for _ in range(12):
        client.read()
        world.ask(client, on.Reported(client.live.session.output.pts))
        world.ask(client, on.ProbeAsked((0.5, 0.5)))
        world.clock.advance(0.4)  # a chunk takes longer than it lasts
        kinds += [order.__class__ for order in worker.orders]
        worker.answer(spent_ms=400.0)
        worker.encode()
        world.clock.advance(0.0)
    looks = [at for at, kind in enumerate(kinds) if kind is ipc.Probe]
    assert looks and kinds.count(ipc.Step) > len(looks)
    assert all(after - before > 1 for before, after in itertools.pairwise(looks)), "never two in a row"


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


@pytest.mark.parametrize(("before_s", "looks"), [(0.08, True), (0.05, False)])
def test_a_look_is_begun_while_it_can_be_over_before_the_next_chunk(before_s: float, looks: bool) -> None:
    """It takes 0.06 s at the most, as a rule."""
    world = World(workers=1)
    client = world.begin(paused=False)
    (worker,) = world.processes
    worker.load(2)
    for _ in range(4):
        world._one_round()
    session = client.live.session
    while worker.orders:
        world.ask(client, on.Reported(session.output.pts - 1.0))
        worker.answer()
        worker.encode()
        world.clock.advance(0.0)
    world.ask(client, on.Reported(session.output.pts - 1.0))
    due = session.due(world.clock.now)
    assert due is not None
    world.clock.advance(due - before_s - world.clock.now)
    world.ask(client, on.ProbeAsked((0.5, 0.5)))
    world.clock.advance(0.0)
    assert [isinstance(order, ipc.Probe) for order in worker.orders] == [True] * looks
