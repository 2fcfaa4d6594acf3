"""Slots, the queue and batches: pure decisions."""

from __future__ import annotations

from flowbrush.server.engine.scheduler import Account, Slots, Wish, next_batch


def test_slots_are_given_in_order_at_the_emptiest_worker() -> None:
    slots = Slots(10, {"a": 2, "b": 2})
    for name in "uvwxyz":
        assert slots.join(name)
    given = dict(slots.assign())
    assert list(given) == list("uvwx")
    assert sorted(given.values()) == ["a", "a", "b", "b"] and given["u"] != given["v"]
    assert (slots.position("y"), slots.position("z"), slots.free) == (1, 2, 0)
    assert slots.leave("v") == given["v"]
    assert slots.assign() == [("y", given["v"])]


def test_the_queue_is_bounded_but_free_slots_do_not_count() -> None:
    slots = Slots(1, {"a": 1})
    assert slots.join("first") and slots.join("second") and not slots.join("third")
    assert slots.join("first"), "joining twice is no second place"


def test_those_who_lose_their_worker_can_be_first_in_the_queue() -> None:
    slots = Slots(0, {"a": 2})
    for name in "xy":
        slots.join(name)
    slots.assign()
    assert slots.lose("a") == ["x", "y"] and slots.total == 0
    assert not slots.join("z")
    for name in "yx":
        assert slots.join(name, first=True)
    assert list(slots.queue) == ["x", "y"] and slots.waiting == 2


def test_nothing_is_started_before_it_is_due() -> None:
    assert next_batch([Wish("a", 5.0), Wish("b", 4.0)], 3.0, 0.1, 4) == ([], 4.0)
    assert next_batch([], 3.0, 0.1, 4) == ([], None)
    assert next_batch([Wish("a", float("inf"))], 3.0, 0.1, 4) == ([], None)


def test_of_those_that_are_due_the_one_of_least_doubt_goes_first() -> None:
    worst, bad, other = (
        Wish("worst", 1.0, alone=True, doubt=(2, -5)),
        Wish("bad", 1.5, alone=True, doubt=(1, 0)),
        Wish("other", 3.0),
    )
    assert next_batch([worst, bad, other], 3.0, 0.1, 4) == (["other"], None)
    assert next_batch([worst, bad, other], 2.9, 0.1, 4) == (["bad"], None)
    assert next_batch([worst, other], 2.9, 0.1, 4) == (["worst"], None)


def test_who_falls_due_while_the_worker_is_busy_goes_along() -> None:
    wishes = [Wish("late", 2.5), Wish("soon", 3.05), Wish("later", 3.5)]
    assert next_batch(wishes, 3.0, 0.1, 4) == (["late", "soon"], None)


def test_who_has_taken_least_goes_first_when_there_are_too_many() -> None:
    wishes = [Wish("c", 2.9, tag=1.0), Wish("a", 1.0, tag=3.0), Wish("b", 2.0, tag=2.0)]
    assert next_batch(wishes, 3.0, 0.1, 2) == (["c", "b"], None)


def test_only_what_costs_about_the_same_goes_together() -> None:
    wishes = [Wish("a", 1.0, kind=2), Wish("b", 2.0, kind=64), Wish("c", 2.5, kind=2)]
    assert next_batch(wishes, 3.0, 0.1, 4) == (["a", "c"], None)


def test_time_is_shared_and_not_turns() -> None:
    """One stream needs 1.6 s for a chunk, the others 0.1 s: each gets a third of the time as long as it wants it."""
    account, now = Account(), 0.0
    took = dict.fromkeys("abc", 0.0)
    for _ in range(1000):
        wishes = [Wish(name, 0.0, alone=True, tag=account.tag(name)) for name in "abc"]
        (name,), _ = next_batch(wishes, 1.0, 0.1, 4)
        cost = 1.6 if name == "a" else 0.1
        account.charge([name], cost)
        took[name] += cost
        now += cost
    assert all(abs(seconds / now - 1 / 3) < 0.02 for seconds in took.values())


def test_nobody_saves_time_up() -> None:
    account = Account()
    for _ in range(100):
        account.charge(["busy"], 1.0)
    account.charge(["late"], 1.0)
    assert account.tag("busy") - account.tag("late") < 2.0


def test_a_suspect_is_made_alone() -> None:
    wishes = [Wish("suspect", 1.0, alone=True), Wish("other", 1.5)]
    assert next_batch(wishes, 3.0, 0.1, 4) == (["suspect"], None)
    assert next_batch([Wish("suspect", 2.0, alone=True), Wish("other", 1.5)], 3.0, 0.1, 4) == (
        ["other"],
        None,
    )
