"""More workers while sessions wait, fewer when some idle, none where none is needed."""

from __future__ import annotations

import pytest
from raw_client import RawClient, decode
from server_generator import prompt_code, read
from session_world import World

from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase

STOP = on.EndAsked("stopped")


def load(world: World) -> None:
    for process in world.alive:
        process.load(world.slots)
    world.clock.advance(0.0)


def names(world: World) -> list[str]:
    return [process.name for process in world.alive]


def test_one_more_while_sessions_wait_and_never_more_than_the_most() -> None:
    world = World(workers=1, slots=1, queue=8, most=3)
    load(world)
    for _ in range(5):
        world.begin(paused=False)
    world.run(0.5)
    assert len(world.alive) == 2
    world.run(0.5)
    assert len(world.alive) == 2, "the one that is on its way may be enough"
    for _ in range(4):
        load(world)
        world.run(0.5)
        world.check()
    assert len(world.alive) == 3 and world.dispatcher.slots.waiting == 2
    assert not world.dispatcher.scaling.can_grow


def test_those_that_nobody_uses_end_down_to_the_fewest() -> None:
    world = World(workers=1, slots=1, queue=8, most=3)
    for _ in range(3):
        world.begin(paused=False)
    for _ in range(4):
        load(world)
        world.run(0.5)
    assert len(world.alive) == 3
    for client in world.clients[1:]:
        world.leave(client)
        world.driver.handle(client.live, STOP)
    world.run(0.5)
    world.run(45.0)
    assert len(world.alive) == 3, "who comes back soon finds a warm one"
    for _ in range(4):
        world.run(60.0)
        world.check()
    (left,) = world.alive
    assert world.dispatcher.slots.holders == {world.clients[0].live.id: left.name}, (
        "the one that is used stays"
    )


def test_none_is_kept_where_none_is_needed_and_one_comes_for_who_comes() -> None:
    world = World(workers=0, slots=2, queue=8)
    assert len(world.alive) == 1, "one says what the model can do"
    load(world)
    world.run(1.0)
    world.run(75.0)
    assert names(world) == [], "what nobody uses is paid for one minute"
    assert world.dispatcher.scaling.can_grow
    world.run(600.0)
    assert world.dispatcher.workers.missing_s() == 0.0, "none is wanted"
    client = world.begin(paused=False)
    world.run(0.5)
    assert len(world.alive) == 1 and world.dispatcher.workers.missing_s() < 1.0
    load(world)
    for _ in range(4):
        world._one_round()
    assert client.live.session.phase in (Phase.READY, Phase.STEPPING) and client.frames


@pytest.mark.parametrize("fewest", [0, 1])
def test_a_start_that_fails_is_tried_again_and_counted_once(fewest: int) -> None:
    world = World(workers=fewest, slots=1, queue=8, most=2)
    load(world)
    world.no_processes = True
    for _ in range(3):
        world.begin(paused=False)
    for _ in range(6):
        world.run(0.1)
    assert len(world.alive) + world.dispatcher.workers.planned == 2
    world.no_processes = False
    world.run(60.0)
    assert len(world.alive) == 2


async def test_who_waits_gets_the_seat_of_a_worker_more_and_then_of_one_who_leaves(make_server) -> None:
    """With real workers, of whatever engine."""
    server = make_server(FLOWBRUSH_SEATS="1", FLOWBRUSH_WORKERS="1", FLOWBRUSH_MOST_WORKERS="2")
    async with (
        RawClient(server.url) as first,
        RawClient(server.url) as second,
        RawClient(server.url) as third,
    ):
        await first.start("first", seed=1)
        await first.count(8)
        assert len(server.workers()) == 1
        for seed, client in ((2, second), (3, third)):
            await client.send(type="session.start", model="pocket-random", prompt="later", seed=seed)
            await client.message("queue")
        await second.message("session.ready")
        await second.count(8)
        assert len(server.workers()) == 2
        assert server.metric("flowbrush_queue_depth") == 1, "there are no more than the most"
        await first.send(type="session.stop")
        await first.message("session.done")
        await third.message("session.ready")
        await third.count(8)
        assert len(server.workers()) == 2 and server.metric("flowbrush_worker_restarts_total") == 0
    for client, seed, prompt in ((first, 1, "first"), (second, 2, "later"), (third, 3, "later")):
        shown = [read(picture)[:3] for picture in decode(client.packets)]
        assert shown == [(n, seed, prompt_code(prompt)) for n in range(len(shown))]
