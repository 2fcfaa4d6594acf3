"""Seats, the queue and batches: pure decisions."""

from __future__ import annotations

from server.engine.scheduler import Seats, Wish, next_batch


def test_seats_are_given_in_order_at_the_emptiest_worker() -> None:
    seats = Seats(10, {"a": 2, "b": 2})
    for name in "uvwxyz":
        assert seats.join(name)
    given = dict(seats.assign())
    assert list(given) == list("uvwx")
    assert sorted(given.values()) == ["a", "a", "b", "b"] and given["u"] != given["v"]
    assert (seats.position("y"), seats.position("z"), seats.free) == (1, 2, 0)
    assert seats.leave("v") == given["v"]
    assert seats.assign() == [("y", given["v"])]


def test_the_queue_is_bounded_but_free_seats_do_not_count() -> None:
    seats = Seats(1, {"a": 1})
    assert seats.join("first") and seats.join("second") and not seats.join("third")
    assert seats.join("first"), "joining twice is no second place"


def test_those_who_lose_their_worker_are_first_in_the_queue() -> None:
    seats = Seats(5, {"a": 2})
    for name in "xyz":
        seats.join(name)
    seats.assign()
    assert seats.lose("a") == ["x", "y"]
    assert list(seats.queue) == ["x", "y", "z"] and seats.total == 0


def test_nothing_is_started_before_it_is_due() -> None:
    assert next_batch([Wish("a", 5.0), Wish("b", 4.0)], 3.0, 0.1, 4) == ([], 4.0)
    assert next_batch([], 3.0, 0.1, 4) == ([], None)
    assert next_batch([Wish("a", float("inf"))], 3.0, 0.1, 4) == ([], None)


def test_who_falls_due_while_the_worker_is_busy_goes_along() -> None:
    wishes = [Wish("late", 2.5), Wish("soon", 3.05), Wish("later", 3.5)]
    assert next_batch(wishes, 3.0, 0.1, 4) == (["late", "soon"], None)


def test_the_most_urgent_go_first_when_there_are_too_many() -> None:
    wishes = [Wish("c", 2.9), Wish("a", 1.0), Wish("b", 2.0)]
    assert next_batch(wishes, 3.0, 0.1, 2) == (["a", "b"], None)


def test_a_suspect_is_made_alone() -> None:
    wishes = [Wish("suspect", 1.0, alone=True), Wish("other", 1.5)]
    assert next_batch(wishes, 3.0, 0.1, 4) == (["suspect"], None)
    assert next_batch([Wish("suspect", 2.0, alone=True), Wish("other", 1.5)], 3.0, 0.1, 4) == (
        ["other"],
        None,
    )
