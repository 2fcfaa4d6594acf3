"""Who asks for much waits, and not those beside."""

from __future__ import annotations

import pytest

from server.http.share import BURST_S, COMING_S, LONGEST_WAIT_S, SHARE, Arrivals, Share


def test_one_that_sends_without_end_gets_its_share_of_the_time() -> None:
    share, now, spent = Share(), 100.0, 0.0
    for _ in range(5000):
        now += 0.002  # a message is dealt with
        spent += 0.002
        now += share.spent(0.002, now)
    assert spent / (now - 100.0) == pytest.approx(SHARE, rel=0.05)


def test_one_that_sends_little_never_waits() -> None:
    """120 messages a second of 0.5 ms, as of a hand; and a burst after a silence."""
    share, now = Share(), 0.0
    for _ in range(2000):
        now += 1 / 120
        assert share.spent(0.0005, now) == 0
    now += 10
    for _ in range(int(BURST_S / 0.001)):
        now += 0.0001
        assert share.spent(0.001, now) == 0


def test_those_who_come_too_often_wait_each_for_itself_and_then_are_turned_away() -> None:
    arrivals, now = Arrivals(), 0.0
    waits = [arrivals.wait_s("a", now) for _ in range(2000)]
    assert waits[0] == 0 and waits.index(None) > 200
    waited = [wait for wait in waits if wait]
    assert waited == sorted(waited) and waited[-1] <= LONGEST_WAIT_S + COMING_S / SHARE
    assert arrivals.wait_s("b", now) == 0, "another address does not"
    assert waits[-1] is None
    assert arrivals.wait_s("a", now + 60) == 0, "what was turned away does not count"
