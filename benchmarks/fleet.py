"""How many workers for how many people: arrivals, queue and scaling of a fleet, in simulated time.

    python -m flowbrush.benchmarks.fleet --peak 200 --slots 2 --hours 24 --plot fleet.png

People come at random (a Poisson process whose rate follows the hour of the day), stay for a while (exponential), and wait in one
queue, as long as they have the patience; a full queue refuses them. A worker has a number of slots and needs a time to start.
The rule of scaling is one that a fleet could have: enough workers for the streams that run and wait, and some spare ones; one
that is empty for long enough ends. Nothing here measures a server, and no second of it is a second of the clock.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowbrush.benchmarks.card import percentile, print_table
from flowbrush.benchmarks.fleet_plot import draw
from flowbrush.benchmarks.local_server import check_numbers
from flowbrush.pipelines.media.files import check_output

DAY_S = 86_400.0
MOST_PEOPLE = 10**7
"""Minutes of simulation a row."""
MOST_SLOTS = 1024


@dataclass(frozen=True)
class Fleet:
    """What is simulated. Times in seconds, rates in people a second.

    `swing` is how far the rate falls at night: 0 is an even day, 1 a night without anybody.
    """

    rate: float = 0.1
    swing: float = 0.8
    stay_s: float = 600.0
    patience_s: float = 60.0
    queue_size: int = 32
    slots: int = 2
    start_s: float = 30.0
    linger_s: float = 300.0
    spare: int = 1
    least: int = 1
    most: int = 10_000
    duration_s: float = DAY_S
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError naming the first value that cannot be."""
        for name in ("rate", "stay_s", "duration_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}: expected more than 0")
        if self.rate * self.duration_s > MOST_PEOPLE:
            raise ValueError(
                f"{self.rate * self.duration_s:g} people would come: expected at most {MOST_PEOPLE}"
            )
        for name in ("patience_s", "queue_size", "start_s", "linger_s", "spare", "least"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: expected 0 or more")
        if not 0 <= self.swing <= 1:
            raise ValueError(f"swing is {self.swing}: expected 0 to 1")
        if self.slots < 1 or self.most < max(1, self.least):
            raise ValueError(
                f"{self.slots} slots, {self.least} to {self.most} workers: expected at least one of each"
            )
        if self.slots > MOST_SLOTS:
            raise ValueError(f"{self.slots} slots: expected at most {MOST_SLOTS}")

    def rate_at(self, now: float) -> float:
        """People a second at a time of the simulation, which begins in the middle of the night."""
        return self.rate * (1 - self.swing * (1 + math.cos(2 * math.pi * now / DAY_S)) / 2)


@dataclass
class Tally:
    """What came of it: people by their fate, waits of those who got a slot in seconds, and areas under curves in unit seconds."""

    came: int = 0
    served: int = 0
    refused: int = 0
    left: int = 0
    waiting: int = 0
    waits: list[float] = field(default_factory=list)
    waited_s: float = 0.0
    """by all, those who left or still wait included"""
    stream_s: float = 0.0
    queue_s: float = 0.0
    slot_s: float = 0.0
    worker_s: float = 0.0
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)
    """(time, streams, waiting, slots), about a thousand of them"""


@dataclass
class _Worker:
    streams: int = 0
    empty_since: float = 0.0


class Simulation:
    """One run: events in the order of their time, a state, and what is counted of it."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.tally, self.now = fleet, Tally(), 0.0
        self._random = random.Random(fleet.seed)
        self._order = itertools.count()
        self._events: list[tuple[float, int, str, int]] = []
        self._workers: dict[int, _Worker] = {}
        self._loads: list[dict[int, None]] = [{} for _ in range(fleet.slots + 1)]
        """names of the workers that are ready, by the number of their streams, in the order in which they got it"""
        self._names = itertools.count()
        self._queue: deque[int] = deque()
        self._since: dict[int, float] = {}
        self.streams = self.slots = 0

    @property
    def waiting(self) -> int:
        """People in the queue."""
        return len(self._since)

    def run(self) -> Tally:
        """Simulates from the beginning to the end."""
        for _ in range(self.fleet.least):
            name = next(self._names)
            self._workers[name] = _Worker()
            self._start(name)
        self._later(0.0, "arrive", -1)
        every = self.fleet.duration_s / 1000
        sample = 0.0
        while self._events and self._events[0][0] <= self.fleet.duration_s:
            when, _, kind, who = heapq.heappop(self._events)
            while sample <= when:
                self.tally.samples.append((sample, self.streams, self.waiting, self.slots))
                sample += every
            self._advance(when)
            getattr(self, f"_{kind}")(who)
        self._advance(self.fleet.duration_s)
        self.tally.waiting = self.waiting
        self.tally.waited_s += sum(self.now - since for since in self._since.values())
        return self.tally

    def _later(self, seconds: float, kind: str, who: int) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), kind, who))

    def _advance(self, when: float) -> None:
        step = when - self.now
        self.tally.stream_s += step * self.streams
        self.tally.queue_s += step * self.waiting
        self.tally.slot_s += step * self.slots
        self.tally.worker_s += step * len(self._workers)
        self.now = when

    def _arrive(self, _: int) -> None:
        """Thinning (Lewis and Shedler 1979): candidates at the highest rate, each taken with its share of it."""
        self._later(self._random.expovariate(self.fleet.rate), "arrive", -1)
        if self._random.random() * self.fleet.rate >= self.fleet.rate_at(self.now):
            return
        person = self.tally.came
        self.tally.came += 1
        if self.slots <= self.streams and self.waiting >= self.fleet.queue_size:
            self.tally.refused += 1
            return
        self._queue.append(person)
        self._since[person] = self.now
        self._seat()
        if person in self._since:
            self._later(self.fleet.patience_s, "give_up", person)
        self._scale()

    def _give_up(self, person: int) -> None:
        since = self._since.pop(person, None)
        if since is not None:  # else they got a slot meanwhile
            self.tally.left += 1
            self.tally.waited_s += self.now - since

    def _seat(self) -> None:
        """Free slots go to those who wait longest, at the fullest worker, so that others become empty."""
        while self._since and self.streams < self.slots:
            person = self._queue.popleft()
            since = self._since.pop(person, None)
            if since is None:  # gave up
                continue
            load = max(n for n in range(self.fleet.slots) if self._loads[n])
            worker = next(iter(self._loads[load]))
            self._load(worker, load + 1)
            self.streams += 1
            self.tally.served += 1
            self.tally.waits.append(self.now - since)
            self.tally.waited_s += self.now - since
            self._later(self._random.expovariate(1 / self.fleet.stay_s), "finish", worker)

    def _load(self, worker: int, streams: int) -> None:
        at = self._workers[worker]
        self._loads[at.streams].pop(worker, None)
        self._loads[streams][worker] = None
        at.streams = streams

    def _finish(self, worker: int) -> None:
        at = self._workers[worker]
        self.streams -= 1
        self._load(worker, at.streams - 1)
        self._seat()
        if not at.streams:
            at.empty_since = self.now
            self._later(self.fleet.linger_s, "retire", worker)

    def _wanted(self) -> int:
        """Workers for those who are here, and the spare ones, within the bounds."""
        needed = math.ceil((self.streams + self.waiting) / self.fleet.slots) + self.fleet.spare
        return max(self.fleet.least, min(self.fleet.most, needed))

    def _scale(self) -> None:
        """Starts as many workers as are missing."""
        for _ in range(self._wanted() - len(self._workers)):
            name = next(self._names)
            self._workers[name] = _Worker()
            self._later(self.fleet.start_s, "start", name)

    def _start(self, worker: int) -> None:
        self.slots += self.fleet.slots
        self._load(worker, 0)
        self._workers[worker].empty_since = self.now
        self._seat()
        if not self._workers[worker].streams:
            self._later(self.fleet.linger_s, "retire", worker)

    def _retire(self, worker: int) -> None:
        at = self._workers.get(worker)
        if at is None or at.streams or self.now - at.empty_since < self.fleet.linger_s - 1e-6:
            return
        if len(self._workers) > self._wanted():
            del self._workers[worker], self._loads[0][worker]
            self.slots -= self.fleet.slots
        else:
            self._later(max(self.fleet.linger_s, 1.0), "retire", worker)


def simulate(fleet: Fleet) -> Tally:
    """One run. The same fleet gives the same tally."""
    return Simulation(fleet).run()


def summary(fleet: Fleet, tally: Tally) -> tuple[object, ...]:
    """A row of the table: spare workers, then what came of them."""
    waits = tally.waits or [0.0]
    return (
        fleet.spare,
        f"{tally.worker_s / fleet.duration_s:.1f}",
        f"{100 * tally.stream_s / max(tally.slot_s, 1e-9):.0f} %",
        f"{percentile(waits, 0.5):.1f}",
        f"{percentile(waits, 0.99):.1f}",
        f"{100 * (tally.left + tally.refused) / max(1, tally.came):.2f} %",
    )


HEAD = ("spare workers", "workers, mean", "seats in use", "wait s, p50", "p99", "went without")


def main(argv: Sequence[str] | None = None) -> int:
    """Simulates a day for several numbers of spare workers, and prints a table."""
    parser = _parser()
    args = parser.parse_args(argv)
    check_numbers(parser, args)
    try:
        if args.plot:
            check_output(args.plot)
        day = Fleet(
            rate=args.peak / args.stay,
            stay_s=args.stay,
            slots=args.slots,
            start_s=args.start,
            duration_s=args.hours * 3600,
            seed=args.seed,
        )
        fleets = [replace(day, spare=spare) for spare in args.spare]
    except (ValueError, ZeroDivisionError) as error:
        parser.error(str(error))
    tallies = [simulate(fleet) for fleet in fleets]
    print(
        f"{tallies[0].came} people in {args.hours:g} simulated hours, {args.peak:g} streams wanted at noon\n"
    )
    print_table(HEAD, [summary(fleet, tally) for fleet, tally in zip(fleets, tallies, strict=True)])
    if args.plot:
        draw(tallies[-1].samples, args.plot)
        print(f"\n{args.plot}: {args.spare[-1]} spare workers")
    return 0


def _parser() -> argparse.ArgumentParser:
    about = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m flowbrush.benchmarks.fleet", None, __doc__, formatter_class=about
    )
    parser.add_argument(
        "--peak", type=float, default=200, help="streams wanted at once at noon (default 200)"
    )
    parser.add_argument(
        "--stay", type=float, default=600, help="seconds that a stream lasts on average (600)"
    )
    parser.add_argument("--slots", type=int, default=2, help="streams of one worker (default 2)")
    parser.add_argument(
        "--start", type=float, default=30, help="seconds until a new worker serves (default 30)"
    )
    parser.add_argument(
        "--spare", type=int, nargs="+", default=[0, 1, 2, 4, 8], help="spare workers, a row each"
    )
    parser.add_argument(
        "--hours", type=float, default=24, help="simulated hours from midnight on (default 24)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, help="a PNG of streams, queue and slots, of the last row")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
