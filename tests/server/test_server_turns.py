"""Whose turn it is at a worker: chunks that are due, and looks at what a hand would take between them."""

from __future__ import annotations

import itertools

import pytest
from session_world import World

from flowbrush.server.engine import ipc
from flowbrush.server.engine.turns import PROBE_S
from flowbrush.server.sessions import events as on


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
    chunk_s = 0.4  # longer than it lasts
    for _ in range(12):
        client.read()
        world.ask(client, on.Reported(client.live.session.output.pts))
        world.ask(client, on.ProbeAsked((0.5, 0.5)))
        world.clock.advance(chunk_s)
        kinds += [order.__class__ for order in worker.orders]
        worker.answer(spent_ms=chunk_s * 1e3)
        worker.encode()
        world.clock.advance(0.0)
    looks = [at for at, kind in enumerate(kinds) if kind is ipc.Probe]
    assert len(looks) > 2 and kinds.count(ipc.Step) > len(looks)
    gaps = {after - before for before, after in itertools.pairwise(looks)}
    assert gaps == {3}, "half a second is waited, so never two in a row"


@pytest.mark.parametrize(("before_s", "looks"), [(PROBE_S + 0.02, True), (PROBE_S - 0.01, False)])
def test_a_look_is_begun_while_it_can_be_over_before_the_next_chunk(before_s: float, looks: bool) -> None:
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
