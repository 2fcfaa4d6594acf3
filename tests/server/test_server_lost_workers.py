"""What a lost worker was at decides whose fault it is; all others go on, wherever there is room."""

from __future__ import annotations

import pytest
from session_world import FRAMES, Client, World

from flowbrush.server.engine import ipc
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase


def world_of(workers: int, slots: int, sessions: int) -> World:
    world = World(workers=workers, slots=slots, queue=8)
    for process in world.alive:
        process.load(slots)
    for _ in range(sessions):
        world.begin(paused=False)
    for _ in range(4):
        world._one_round()
    return world


def lose_while(world: World, client: Client, kind: type, chunk: int | None = None) -> int | None:
    """The worker of `client` is lost when it is at an order of that kind for it, of that `chunk` if one is named."""
    for _ in range(60):
        world.run(0.5)
        for process in world.alive:
            process.load(world.slots)
            while process.orders:
                order = process.orders[0]
                items = order.items if isinstance(order, ipc.Step) else (order,)
                at = [getattr(item, "chunk", None) for item in items if item.stream == client.live.id]
                if isinstance(order, kind) and at and chunk in (None, *at):
                    process.kill("it hung: 30 s for one order")
                    return at[0]
                process.answer()
            while process.encoding:
                process.encode()
        for other in world.clients:
            other.read()
            if other.box is not None:
                world.driver.handle(other.live, on.Reported(other.live.session.output.pts))
    raise AssertionError(f"there was no {kind.__name__} for {client.live.id}")


def test_a_first_victim_that_fails_for_good_takes_nobody_along() -> None:
    """Two workers; the one is lost three times at the chunk of one session, who shares it with others."""
    world = world_of(workers=2, slots=2, sessions=4)
    bad = world.clients[0]
    chunk = lose_while(world, bad, ipc.Step)
    for _ in range(2):
        lose_while(world, bad, ipc.Step, chunk)
        world.check()
    assert bad.live.session.phase is Phase.DONE and bad.done[0].reason == "generation_failed"
    for other in world.clients[1:]:
        before = len(other.frames)
        for _ in range(8):
            world._one_round()
        assert len(other.frames) > before, f"{other.live.id} is stuck"
    assert world.dispatcher.slots.total == 4 and world.dispatcher.slots.free == 1
    world.check()
    world.recover()


@pytest.mark.parametrize("restores", [False, True])
def test_a_state_that_cannot_be_made_in_time_ends_its_session_alone(restores: bool) -> None:
    """The start, or what comes back from a snapshot, takes too long: the third time it is the session's fault."""
    world = world_of(workers=1, slots=2, sessions=1)
    good = world.clients[0]
    bad = world.begin(paused=False)
    if restores:
        for _ in range(8):
            world._one_round()
        assert bad.live.session.history.snapshots
        world.alive[0].kill("it ended with exit code -9")
    for lost in range(3):
        assert not lost or not bad.live.session.history.snapshots, (
            "a snapshot may be at fault: the log is enough"
        )
        lose_while(world, bad, ipc.Open)
    assert bad.live.session.phase is Phase.DONE
    before = len(good.frames)
    for _ in range(8):
        world._one_round()
    assert len(good.frames) > before
    world.recover()


def test_a_look_that_ends_the_worker_is_answered_and_not_repeated_for_ever() -> None:
    world = world_of(workers=1, slots=2, sessions=2)
    good, bad = world.clients
    for client in world.clients:  # a look waits for a moment in which nobody waits for pictures
        world.ask(client, on.PauseAsked())
    for lost in range(3):
        world.ask(bad, on.ProbeAsked((0.5, 0.5), id=lost + 1))
        lose_while(world, bad, ipc.Probe)
        for _ in range(6):
            world._one_round()
    assert bad.live.session.phase is Phase.DONE and bad.done
    world.ask(good, on.ResumeAsked())
    before = len(good.frames)
    for _ in range(8):
        world._one_round()
    assert len(good.frames) > before
    world.recover()


def test_streams_of_a_worker_that_is_to_go_move_when_there_is_room() -> None:
    """They play on until another worker is warm, then move between two chunks; it ends when it has none, and counts as no loss."""
    world = world_of(workers=1, slots=2, sessions=2)
    (old,) = world.alive
    old.leave()
    world.clock.advance(0.0)
    (new,) = (each for each in world.alive if each is not old)
    before = [len(client.frames) for client in world.clients]
    for _ in range(4):
        old.answer()
        old.encode()
        world.run(0.5)
        for client in world.clients:
            client.read()
            world.driver.handle(client.live, on.Reported(client.live.session.output.pts))
    assert not old.gone and not new.loaded
    assert all(len(client.frames) > count for client, count in zip(world.clients, before, strict=True))
    new.load(world.slots)
    for _ in range(8):
        world._one_round()
        world.check()
    assert old.gone and world.alive == [new]
    assert set(world.dispatcher.slots.holders.values()) == {new.name}
    for client in world.clients:
        assert client.frames == list(range(len(client.frames))), "a frame is missing or came twice"


def test_a_chunk_that_ends_workers_lets_others_have_pictures_between_two_losses() -> None:
    """They wait for a new worker each time it hangs; between two of them they get more than one chunk."""
    world = world_of(workers=1, slots=2, sessions=2)
    good, bad = world.clients
    chunk = lose_while(world, bad, ipc.Step)
    had = []
    for _ in range(2):
        before = len(good.frames)
        lose_while(world, bad, ipc.Step, chunk)
        had.append(len(good.frames) - before)
    assert bad.live.session.phase is Phase.DONE
    assert min(had) >= 2 * FRAMES, f"the other had {had} frames between two losses"
    world.recover()
