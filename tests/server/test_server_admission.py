"""One queue for several gateways: who gets which seat, and what is said of places. Pure decisions."""

from __future__ import annotations

import random
from functools import partial
from types import SimpleNamespace

import pytest
from session_world import Client, World

from flowbrush.protocol import Queue
from flowbrush.server.engine import dispatcher
from flowbrush.server.engine.admission import Pool, Waiting, in_line, plan
from flowbrush.server.engine.scheduler import Rank
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.fleet import LEAVING_S, Fleet


def pool(name: str, free: int, *waiting: tuple[str, float], stays: bool = False, **more: bool) -> Pool:
    return Pool(
        free, tuple(Waiting(id, Rank(0, since), name, stays=stays) for id, since in waiting), (), **more
    )


def test_who_waits_longest_gets_the_seat_wherever_it_is() -> None:
    pools = {"a": pool("a", 0, ("old", 1.0), ("new", 3.0)), "b": pool("b", 1, ("middle", 2.0))}
    assert plan(pools) == {"old": "b"}, "before one who is at the gateway with the seat"
    pools = {**pools, "c": pool("c", 1)}
    assert plan(pools) == {"old": "c", "middle": "b"}, "nobody moves without need"


def test_one_who_cannot_move_gets_a_seat_of_its_own_gateway_and_keeps_no_other() -> None:
    pools = {"a": pool("a", 0, ("fixed", 1.0), stays=True), "b": pool("b", 1, ("new", 2.0))}
    assert plan(pools) == {"new": "b"}
    pools = {"a": pool("a", 1, ("fixed", 1.0), stays=True), "b": pool("b", 0, ("new", 2.0))}
    assert plan(pools) == {"fixed": "a"}


def test_one_on_its_way_keeps_its_seat_and_counts_once() -> None:
    leaving = Pool(0, (Waiting("s", Rank(0, 1.0), "b"),))
    pools = {"a": leaving, "b": pool("b", 1, ("t", 2.0))}
    assert plan(pools) == {"s": "b"}, "the seat is kept for it"
    pools["b"] = Pool(0, (), ("s",))
    assert in_line(pools) == [], "it is there"
    assert plan({"a": leaving}) == {}, "the gateway that it went to is gone"


def test_no_seat_is_given_twice_and_none_is_left_while_one_waits() -> None:
    draw = random.Random(4)
    for _ in range(300):
        pools = {
            name: pool(
                name,
                draw.randrange(3),
                *((f"{name}{n}", draw.random()) for n in range(draw.randrange(4))),
                stays=draw.random() < 0.3,
            )
            for name in "abc"
        }
        given, line = plan(pools), in_line(pools)
        for name, each in pools.items():
            assert list(given.values()).count(name) <= each.free
        unserved = [each for each in line if each.id not in given]
        spare = [name for name, each in pools.items() if list(given.values()).count(name) < each.free]
        assert not spare or all(each.stays and each.at not in spare for each in unserved)
        assert all(given.get(each.id, each.at) == each.at for each in line if each.stays)
        movers = [each for each in line if not each.stays]
        served = [each.id in given for each in movers]
        assert served == sorted(served, reverse=True), "in the order of their arrival"


def queue_said(world: World, number: int) -> tuple[int, int]:
    said = [item for item in world.clients[number].box._items if isinstance(item, Queue)]  # type: ignore[union-attr]
    return said[-1].position, said[-1].size


def full(world: World) -> None:
    for process in world.alive:
        process.load(world.slots)
    world.begin(paused=False)
    world.clock.advance(0.0)
    world.begin(paused=False)
    world.clock.advance(0.0)


def test_places_are_places_among_all_and_a_seat_is_kept_for_who_came_first() -> None:
    world = World(workers=1, slots=1, most=1)
    full(world)
    admission, slots = world.dispatcher.admission, world.dispatcher.slots
    assert queue_said(world, 1) == (1, 1)
    admission.meet({"b": pool("b", 0, ("other", 1.0))})
    world.dispatcher.settle()
    world.clock.advance(0.0)
    assert queue_said(world, 1) == (2, 2) and admission.short == 2
    world.leave(world.clients[0])
    world.clock.advance(0.0)
    assert not slots.holders and slots.free == 1, "it is for the one at b, who came first"
    admission.meet({"b": pool("b", 0)})
    world.dispatcher.settle()
    world.clock.advance(0.0)
    assert list(slots.holders) == ["s1"], "who was to come is gone"


def test_who_is_to_go_elsewhere_goes_and_is_waited_for() -> None:
    world = World(workers=1, slots=1, most=1)
    full(world)
    admission = world.dispatcher.admission
    admission.meet({"b": pool("b", 1)})
    assert admission.departures() == {"s1": "b"} and admission.elsewhere() is None and admission.spare == 0
    admission.leaving["s1"] = Waiting("s1", Rank(0, 5.0), "b")
    world.dispatcher.slots.leave("s1")
    assert admission.short == 0 and [each.id for each in admission.pool().waiting] == ["s1"]
    admission.meet({"b": pool("b", 0, ("s1", 5.0))})
    assert not admission.leaving and admission.short == 1
    admission.meet({"b": pool("b", 2)})
    assert admission.elsewhere() == "b"


def test_no_seat_elsewhere_is_kept_for_who_does_not_hear_of_it() -> None:
    world = World(workers=1, slots=1, most=1)
    full(world)
    client, admission = world.clients[1], world.dispatcher.admission
    admission.meet({"b": pool("b", 1)})
    Fleet._tell(client.live, "b")
    assert client.live.told_to_move and admission.departures()
    client.live.told_to_move -= LEAVING_S + 1.0
    Fleet._tell(client.live, "b")
    assert not admission.departures(), "it reads nothing"
    client.live.session.welcome.known = True
    world.leave(client)
    world.come_back(client)
    assert not client.live.told_to_move, "its next connection can be told"


def test_one_gateway_starts_a_worker_for_those_who_wait_at_all_of_them() -> None:
    world = World(workers=1, slots=1, most=3)
    full(world)
    admission = world.dispatcher.admission
    admission.meet({"b": pool("b", 0, ("other", 1.0), can_grow=True)})
    assert not admission.ours_to_grow(), "the one at b came first"
    admission.meet({"b": pool("b", 0, ("other", 1.0))})
    assert admission.ours_to_grow(), "b has as many as it may have"
    admission.meet({"b": pool("b", 0, starting=True)})
    assert not admission.ours_to_grow(), "the one that is on its way there may be enough"
    admission.meet({"b": pool("b", 1)})
    assert not admission.ours_to_grow(), "there is a seat"


def test_accounts_take_turns_in_the_queue() -> None:
    """A client with many sessions that wait is passed by each newcomer but for one of them; what is said of places is true."""
    world = World(workers=1, slots=1, queue=40, most=1)
    full(world)
    slots = world.dispatcher.slots
    many = [world.begin(False, "greedy") for _ in range(30)]
    one, two = (world.begin(False, "newcomer") for _ in range(2))
    world.clock.advance(0.0)
    names = [client.live.id for client in (many[0], one, many[1], two, many[2])]
    assert slots.queue[:6] == ["s1", *names], "s1 waits in the first round"
    assert queue_said(world, 33) == (5, 33)
    for _ in range(3):
        world.ask(
            next(each for each in world.clients if each.live.id in slots.holders), on.EndAsked("stopped")
        )
        world.clock.advance(0.0)
    late = world.begin(False, "third")
    assert slots.queue[:4] == [many[1].live.id, two.live.id, late.live.id, many[2].live.id]


def test_turns_are_taken_across_gateways() -> None:
    world = World(workers=1, slots=1, queue=40, most=1)
    full(world)
    there = tuple(Waiting(f"b{n}", Rank(n, float(n)), "b", "greedy") for n in range(3))
    world.dispatcher.admission.meet({"b": Pool(0, there)})
    greedy, other = world.begin(False, "greedy"), world.begin(False, "newcomer")
    assert slots_rounds(world, greedy, other) == [3, 0]


def slots_rounds(world: World, *clients: Client) -> list[int]:
    return [world.dispatcher.slots.ranks[client.live.id].round for client in clients]


def test_a_full_queue_has_room_for_those_who_have_less_there() -> None:
    world = World(workers=1, slots=1, queue=3, most=1)
    full(world)
    mine = [world.begin(False, "key-1") for _ in range(2)]
    newcomer = world.begin(False, "newcomer")
    world.clock.advance(0.0)
    world.check()
    assert mine[1].done and mine[1].done[0].reason == "busy"
    assert world.dispatcher.slots.queue == ["s1", newcomer.live.id, mine[0].live.id]
    refused = world.begin(False, "newcomer")
    world.check()
    assert refused.done and refused.done[0].reason == "busy", "it would have as many as the other"


@pytest.mark.parametrize("away", [True, False])
def test_a_clock_that_is_put_back_lets_nobody_pass(monkeypatch: pytest.MonkeyPatch, away: bool) -> None:
    """Each of two accounts has one who waits; before each the clock is put back by an hour."""
    world = World(workers=1, slots=1, most=1)
    full(world)
    if away:
        world.dispatcher.admission.meet({"b": pool("b", 0, ("other", 9e9))})
    before = list(world.dispatcher.slots.queue)
    for number in range(2):
        monkeypatch.setattr(dispatcher, "time", SimpleNamespace(time=partial(float, 1e9 - 3600.0 * number)))
        world.begin(paused=False, account=f"account {number}")
        world.clock.advance(0.0)
    came = [client.live.id for client in world.clients[-2:]]
    line = [each.id for each in in_line(world.dispatcher.admission._pools())]
    assert world.dispatcher.slots.queue == [*before, *came]
    assert line == [*before, *(["other"] if away else []), *came]
