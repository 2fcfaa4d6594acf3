"""Who gets which seat, where several gateways share one queue. No I/O, no clock.

Each gateway publishes its seats and who waits at it, and each makes the same plan of what all have published: those who come
first get a seat, at the gateway that they are at where it has one, else at another. A gateway gives its seats to those of its
own whom the plan gives one here, keeps a seat for one that is to come from elsewhere, and lets its own go where the plan says.
With one gateway that is a queue as any other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import msgspec

from flowbrush.protocol import Queue
from flowbrush.server.engine.scheduler import Rank, Slots
from flowbrush.server.sessions.session_host import SessionHost


class QueueFull(LookupError):
    """Nobody more can wait."""


class Waiting(msgspec.Struct, frozen=True):
    """A session that waits at the gateway `at`, or is on its way there. The smallest `rank` is first."""

    id: str
    rank: Rank
    at: str
    account: str = ""
    stays: bool = False
    """it can get a seat of that gateway only"""


class Pool(msgspec.Struct, frozen=True):
    """What one gateway has of one model: seats that nobody holds, who waits, who has a seat."""

    free: int = 0
    waiting: tuple[Waiting, ...] = ()
    seated: tuple[str, ...] = ()
    starting: bool = False
    """a worker more is on its way"""
    can_grow: bool = False
    """one more may be started"""


def in_line(pools: Mapping[str, Pool]) -> list[Waiting]:
    """All who wait, the first one first. What the gateway says that has a session counts more than where it was seen leaving."""
    seated = {id for pool in pools.values() for id in pool.seated}
    found: dict[str, Waiting] = {}
    for name, pool in pools.items():
        for each in pool.waiting:
            if each.id not in seated and each.at in pools and (each.at == name or each.id not in found):
                found[each.id] = each
    return sorted(found.values(), key=lambda each: (each.rank, each.id))


def plan(pools: Mapping[str, Pool]) -> dict[str, str]:
    """Session → gateway with a seat for it, for as many as there are seats."""
    seats = {name: pool.free for name, pool in pools.items()}
    served: list[Waiting] = []
    staying: Counter[str] = Counter()
    for each in in_line(pools):
        if len(served) < sum(seats.values()) and (not each.stays or staying[each.at] < seats[each.at]):
            served.append(each)
            staying[each.at] += each.stays
    given: dict[str, str] = {}
    for each in sorted(served, key=lambda each: not each.stays):  # these have no choice
        if seats[each.at] > 0:
            seats[each.at] -= 1
            given[each.id] = each.at
    for each in served:
        if each.id not in given:
            where = max(sorted(seats), key=seats.__getitem__)
            seats[where] -= 1
            given[each.id] = where
    return given


class Admission:
    """One gateway's part in it. `peers` are the others' pools as they were published last."""

    def __init__(self, slots: Slots, lives: Mapping[str, SessionHost]) -> None:
        self._slots = slots
        self._lives = lives
        self.name = "here"
        self.peers: dict[str, Pool] = {}
        self.leaving: dict[str, Waiting] = {}
        """those that were let go, until the gateway that they went to has them"""

    def meet(self, peers: dict[str, Pool]) -> None:
        """What the others have published."""
        self.peers = peers
        self._slots.free_elsewhere = sum(pool.free for pool in peers.values())
        there = {each.id for pool in peers.values() for each in pool.waiting}
        there |= {id for pool in peers.values() for id in pool.seated}
        for id in there & set(self.leaving):
            del self.leaving[id]

    def pool(self, starting: bool = False, can_grow: bool = False) -> Pool:
        """What this gateway has."""
        slots = self._slots
        here = [self.waiting(self._lives[id], self.name) for id in slots.queue]
        waiting = (*here, *self.leaving.values())
        return Pool(slots.free, waiting, tuple(slots.holders), starting, can_grow)

    def waiting(self, live: SessionHost, at: str) -> Waiting:
        """A session of this queue, as the others see it."""
        return Waiting(live.id, self._slots.ranks[live.id], at, live.account, live.stays)

    def join(self, live: SessionHost, first: bool, now: float) -> str | None:
        """The session waits from now on (seconds since 1970), with `first` before all others. Raises QueueFull.

        A full queue takes one of an account that has few there in place of the last of the account that has most: returns that.
        """
        if live.rank is None:
            now = self._later(now)
        rank = live.rank or (Rank(-1, -now) if first else self._rank(live.account, now))
        displaced = None
        if not self._slots.join(live.id, first, rank):
            displaced = self._make_room(live.account)
            if displaced is None:
                text = f"all slots are taken and {self._slots.queue_size} wait already: try again later"
                raise QueueFull(text)
            self._slots.join(live.id, first, rank)
        live.rank = rank
        return displaced

    def _later(self, now: float) -> float:
        """`now`, or a moment after those who wait where they came later by the clock: that may have been put back meanwhile."""
        latest = max((abs(each.rank.since) for each in in_line(self._pools())), default=0.0)
        return now if now > latest else math.nextafter(latest, math.inf)

    def _rank(self, account: str, now: float) -> Rank:
        """Behind those of the account that wait, at any gateway, and once around behind others'."""
        rounds = [(each.account, each.rank.round) for each in in_line(self._pools()) if each.rank.round >= 0]
        current = min((round for _, round in rounds), default=0)
        return Rank(max([current, *(round + 1 for whose, round in rounds if whose == account)]), now)

    def _make_room(self, account: str) -> str | None:
        """Takes the last session of the account that has most waiting here out of the queue, where `account` would have fewer with
        one more; returns it.
        """
        queue = [id for id in self._slots.queue if self._slots.ranks[id].round >= 0]
        waiting = Counter(self._lives[id].account for id in queue)
        most = max(waiting, key=waiting.__getitem__, default=account)
        if waiting[most] <= waiting[account] + 1:
            return None
        last = next(id for id in reversed(queue) if self._lives[id].account == most)
        self._slots.leave(last)
        return last

    def _pools(self) -> dict[str, Pool]:
        return {**self.peers, self.name: self.pool()}

    @property
    def short(self) -> int:
        """Sessions of all gateways for whom no seat is free."""
        if not self.peers:
            return self._slots.waiting
        pools = self._pools()
        return len(in_line(pools)) - len(plan(pools))

    @property
    def spare(self) -> int:
        """Seats of all gateways that nobody holds or waits for; negative where more wait."""
        pools = self._pools()
        return sum(pool.free for pool in pools.values()) - len(in_line(pools))

    def assign(self) -> list[tuple[str, str]]:
        """Gives free seats of this gateway to those who wait here and are next: (session, worker) pairs."""
        if not self.peers:
            return self._slots.assign()
        here = {id for id, name in plan(self._pools()).items() if name == self.name}
        return self._slots.assign(here)

    def departures(self) -> dict[str, str]:
        """Who waits here and gets a seat at another gateway, and at which."""
        queue = self._slots.queue
        return {id: name for id, name in plan(self._pools()).items() if id in queue and name != self.name}

    def elsewhere(self) -> str | None:
        """The gateway at which one that comes now would find a seat, where it would find none here; None where there is none."""
        pools = self._pools()
        given = Counter(plan(pools).values())
        spare = {name: pool.free - given[name] for name, pool in pools.items()}
        best = max(sorted(spare), key=spare.__getitem__)
        return best if spare[self.name] <= 0 < spare[best] else None

    def ours_to_grow(self) -> bool:
        """Whether this gateway, which can, should start a worker more: one does, and none while another's is on its way."""
        if not self.peers:
            return self._slots.waiting > 0
        pools = self._pools()
        given = plan(pools)
        unserved = [each.at for each in in_line(pools) if each.id not in given]
        if not unserved or any(pool.starting for pool in self.peers.values()):
            return False
        able = {self.name, *(name for name, pool in self.peers.items() if pool.can_grow)}
        return (unserved[0] if unserved[0] in able else min(able)) == self.name

    def say_places(self) -> None:
        """Those who wait here hear their place among all who wait, when it has changed."""
        line = [each.id for each in in_line(self._pools())] if self.peers else list(self._slots.queue)
        for place, id in enumerate(line, 1):
            live = self._lives.get(id) if id in self._slots.queue else None
            if live is not None and live.place_said != (place, len(line)):
                live.place_said = (place, len(line))
                live.say(Queue(position=place, size=len(line)))
