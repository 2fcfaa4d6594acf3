"""The simulated fleet obeys what is known of queues."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from flowbrush.benchmarks import fleet as module
from flowbrush.benchmarks.fleet import Fleet, Simulation, Tally, simulate

HOUR = 3600.0
STEADY = Fleet(rate=0.5, swing=0.0, stay_s=20.0, patience_s=math.inf, queue_size=10**9, slots=3, start_s=0.0)
"""Ten streams on average."""

FIXED = replace(STEADY, least=4, most=4, spare=0, linger_s=0.0, duration_s=10 * HOUR)
"""Twelve slots, whatever happens."""


def erlang_b(slots: int, load: float) -> float:
    """The share that finds all slots taken, without a queue (Erlang 1917)."""
    blocked = 1.0
    for number in range(1, slots + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(slots: int, load: float) -> float:
    """The share that must wait, with a queue without end."""
    blocked = erlang_b(slots, load)
    return blocked / (1 - load / slots * (1 - blocked))


@pytest.mark.parametrize("spare", [0, 3])
def test_nobody_is_lost_and_the_area_under_the_queue_is_the_time_waited(spare: int) -> None:
    """Little's law, as it holds for every single run: the integral of how many wait is the sum of how long each waits."""
    day = Fleet(
        rate=0.2, stay_s=300, patience_s=40, queue_size=8, spare=spare, start_s=45, duration_s=24 * HOUR
    )
    tally = simulate(day)
    assert tally.came == tally.served + tally.refused + tally.left + tally.waiting > 5000
    assert tally.queue_s == pytest.approx(tally.waited_s, rel=1e-9)
    assert tally.queue_s > 0
    assert max(tally.waits) <= day.patience_s + 1e-9


def test_streams_at_once_are_arrivals_times_stay() -> None:
    tally = simulate(replace(STEADY, duration_s=10 * HOUR))
    assert tally.stream_s / (10 * HOUR) == pytest.approx(STEADY.rate * STEADY.stay_s, rel=0.03)


def test_waits_are_those_of_erlang() -> None:
    tally = simulate(FIXED)
    must_wait = sum(wait > 0 for wait in tally.waits) / tally.served
    expected = erlang_c(12, 10.0)
    assert must_wait == pytest.approx(expected, rel=0.1)
    assert tally.waited_s / tally.served == pytest.approx(expected * FIXED.stay_s / (12 - 10), rel=0.2)


def test_without_a_queue_as_many_are_refused_as_erlang_says() -> None:
    tally = simulate(replace(FIXED, queue_size=0))
    assert tally.left == tally.waiting == 0 and tally.queue_s == 0
    assert tally.refused / tally.came == pytest.approx(erlang_b(12, 10.0), rel=0.1)


def test_slots_are_never_overfull_and_workers_stay_within_their_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int, int, int]] = []
    advance = Simulation._advance

    def watched(self: Simulation, when: float) -> None:
        assert when >= self.now
        seen.append((self.streams, self.slots, len(self._workers)))
        assert self.streams == sum(worker.streams for worker in self._workers.values())
        advance(self, when)

    monkeypatch.setattr(Simulation, "_advance", watched)
    simulate(Fleet(rate=0.2, stay_s=300, spare=2, least=3, most=25, duration_s=12 * HOUR))
    streams, slots, workers = (max(each) for each in zip(*seen, strict=True))
    assert all(used <= there for used, there, _ in seen)
    assert min(each[2] for each in seen) == 3 and workers == 25
    assert streams == slots == 50, "at noon all are in use"


def test_spare_workers_shorten_the_wait_and_cost_slots() -> None:
    day = Fleet(rate=0.2, stay_s=300, start_s=45, duration_s=24 * HOUR)
    none, some = (simulate(replace(day, spare=spare)) for spare in (0, 3))
    assert some.waited_s < none.waited_s / 2
    assert some.worker_s > none.worker_s


def test_the_same_fleet_gives_the_same_tally() -> None:
    day = Fleet(duration_s=2 * HOUR)
    assert simulate(day) == simulate(day) != simulate(replace(day, seed=1))
    assert isinstance(simulate(day), Tally)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"rate": 0}, "rate is 0"),
        ({"swing": 2}, "0 to 1"),
        ({"slots": 0}, "at least one"),
        ({"spare": -1}, "spare is -1"),
        ({"slots": 10**20}, "at most 1024"),
        ({"rate": 1e300}, "people would come: expected at most"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Fleet(**values)  # type: ignore[arg-type]


def test_the_command_prints_a_row_for_each_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "fleet.png"
    assert module.main(["--peak", "20", "--hours", "2", "--spare", "0", "2", "--plot", str(plot)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows if row and row[0].isdigit()][-2:] == ["0", "2"]
    with Image.open(plot) as image:
        colours = {colour for _, colour in image.getcolors(1 << 20) or ()}
    assert {(0x1F, 0x6F, 0xD0), (0x9A, 0x9A, 0x9A)} <= colours


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--peak", "-1"], "--peak is -1: expected a number, more than 0"),
        (["--hours", "nan"], "--hours is nan"),
        (["--plot", "nowhere/fleet.png"], "the folder nowhere does not exist: make it first"),
    ],
)
def test_a_mistake_is_told_before_a_day_is_simulated(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        module.main(argv)
    assert ended.value.code == 2 and says in capsys.readouterr().err
