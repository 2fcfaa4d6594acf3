"""Who asks for much waits, and not the others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from session_world import METRICS, World

from flowbrush.server.http.share import (
    BURST_S,
    LONGEST_WAIT_S,
    MESSAGE_S,
    REQUEST_S,
    SHARE,
    UPGRADE_S,
    Arrivals,
    Share,
)
from flowbrush.server.sessions.commands import Commands


def test_one_that_sends_without_end_gets_its_share_of_the_time() -> None:
    share, now, spent = Share(), 100.0, 0.0
    for _ in range(5000):
        now += 0.002  # a message is dealt with
        spent += 0.002
        now += share.spent(0.002, now)
    assert spent / (now - 100.0) == pytest.approx(SHARE, rel=0.05)


def test_three_that_send_without_end_leave_time_for_the_rest() -> None:
    shares, now, spent = [Share() for _ in range(3)], 0.0, 0.0
    rested = [0.0] * 3
    for _ in range(20_000):
        for each, share in enumerate(shares):
            if rested[each] <= now:
                now += 0.002
                spent += 0.002
                rested[each] = now + share.spent(0.002, now)
        now = max(now, min(rested))
    assert 0.5 < spent / now < 0.95


def test_messages_that_cost_nothing_come_faster_than_a_hand_paints_and_do_not_flood() -> None:
    """A mouse may say a thousand times a second where it is; the time to receive a message counts as well."""
    share, now, messages = Share(), 0.0, 0
    while now < 5.0:
        now += 1e-6 + share.spent(MESSAGE_S, now)
        messages += 1
    assert 1000 <= messages / now < 2000


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
    arrivals, now = Arrivals(30.0), 0.0
    waits = [arrivals.wait_s("a", UPGRADE_S, now) for _ in range(2000)]
    waited = [wait for wait in waits if wait is not None]
    assert sum(wait < 1e-9 for wait in waited) == 50, "so many come in at once"
    assert 100 < len(waited) < 500 and waits[-1] is None
    assert waited == sorted(waited) and waited[-1] <= LONGEST_WAIT_S + 1 / 30
    assert arrivals.wait_s("b", UPGRADE_S, now) == 0, "another address does not"
    assert arrivals.wait_s("a", UPGRADE_S, now + 60) == 0, "what was turned away does not count"


def test_who_asks_too_often_is_remembered_beside_four_thousand_others() -> None:
    arrivals = Arrivals(30.0)

    def others(count: int) -> None:
        for number in range(count):
            arrivals.wait_s(f"other {number}", REQUEST_S, 0.0)

    while arrivals.wait_s("a", UPGRADE_S, 0.0) is not None:
        pass
    others(4000)
    assert arrivals.wait_s("a", UPGRADE_S, 0.0) is None
    others(5000)
    assert arrivals.wait_s("a", UPGRADE_S, 0.0) == 0, "what is kept of addresses has an end"


def test_those_who_ask_now_and_then_do_not_wait() -> None:
    arrivals = Arrivals(30.0)
    assert not any(arrivals.wait_s("a", REQUEST_S, second / 60) for second in range(1000))


def test_an_address_of_many_users_can_be_given_more() -> None:
    arrivals = Arrivals(300.0)
    assert all(arrivals.wait_s("nat", UPGRADE_S, 0.0) == pytest.approx(0) for _ in range(500))
    assert arrivals.wait_s("nat", UPGRADE_S, 0.0) == pytest.approx(1 / 300)


def test_what_is_refused_and_what_keeps_the_worker_busy_costs_more_than_its_time() -> None:
    world = World()
    client = world.begin(paused=False)
    assert client.box is not None
    service: Any = SimpleNamespace(
        driver=world.driver, metrics=METRICS, capabilities=lambda model: {"text": True}
    )
    commands = Commands(service, client.live, client.box)
    for text, least, most in (
        ('{"type": "session.reset"}', 20, 40),
        ('{"type": "track.end", "track": 7}', 100, 200),
        ('{"type": "nonsense"}', 100, 200),
        ('{"type": "prompt.set", "prompts": [{"text": "a fox"}]}', 500, 2000),
        ('{"type": "playhead", "pts": 0, "buffered": 0}', 500, 2000),
    ):
        a_second = SHARE / (MESSAGE_S + commands.handle(text))
        assert least < a_second < most, text
