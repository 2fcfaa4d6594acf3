"""Who gets a slot, and which streams form the next batch. No I/O, no clock, nothing of the model."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Rank(NamedTuple):
    """A place in the queue; the smaller one comes first. Accounts take turns: each has one session in a round."""

    round: int = 0
    """-1 for those that go before all others"""
    since: float = 0.0
    """since when it waits (seconds since 1970); of those that go before all others, the newest first: negative"""


NOT_RANKED = Rank()


@dataclass
class Slots:
    """The slots of all workers and the queue before them: the one place that knows which session is at which worker.

    Sessions and workers are known by name.
    """

    queue_size: int
    capacity: dict[str, int] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    """session → worker"""
    queue: list[str] = field(default_factory=list)
    """who waits, by rank"""
    ranks: dict[str, Rank] = field(default_factory=dict)
    free_elsewhere: int = 0
    """slots of other gateways that nobody holds: who waits may get one of these, too"""

    def at(self, worker: str) -> list[str]:
        """The sessions at `worker`."""
        return [session for session, name in self.holders.items() if name == worker]

    def used(self, worker: str) -> int:
        """How many sessions are at `worker`."""
        return len(self.at(worker))

    @property
    def total(self) -> int:
        """Slots of all workers that are ready."""
        return sum(self.capacity.values())

    @property
    def free(self) -> int:
        """Slots that nobody holds."""
        return sum(max(0, slots - self.used(worker)) for worker, slots in self.capacity.items())

    @property
    def waiting(self) -> int:
        """Sessions in the queue for whom no slot is free."""
        return max(0, len(self.queue) - self.free)

    def join(self, session: str, first: bool = False, rank: Rank = NOT_RANKED) -> bool:
        """Puts a session into the queue (if it is in none), by its `rank`; False when the queue is full.

        A session that finds a free slot right away does not count against the queue's size, nor does one that comes `first`
        because it had a slot before.
        """
        if session in self.holders or session in self.queue:
            return True
        if not first and len(self.queue) >= self.queue_size + self.free + self.free_elsewhere:
            return False
        find = bisect_left if first else bisect_right
        self.queue.insert(find(self.queue, rank, key=self.ranks.__getitem__), session)
        self.ranks[session] = rank
        return True

    def assign(self, chosen: Container[str] | None = None) -> list[tuple[str, str]]:
        """Gives free slots to those who are first, at the emptiest worker: (session, worker) pairs.

        `chosen`: nobody else gets one, although it is free; others come first, at another gateway.
        """
        given = []
        for session in [each for each in self.queue if chosen is None or each in chosen]:
            free = {name: slots - self.used(name) for name, slots in self.capacity.items()}
            worker = max(free, key=lambda name: free[name], default=None)
            if worker is None or free[worker] <= 0:
                break
            self.leave(session)
            self.holders[session] = worker
            given.append((session, worker))
        return given

    def leave(self, session: str) -> str | None:
        """Frees the session's slot or its place in the queue; returns the worker that it was at."""
        if session in self.queue:
            self.queue.remove(session)
            del self.ranks[session]
        return self.holders.pop(session, None)

    def lose(self, worker: str) -> list[str]:
        """The worker is gone, and its slots with it: returns who was there."""
        self.capacity.pop(worker, None)
        lost = self.at(worker)
        for session in lost:
            del self.holders[session]
        return lost

    def position(self, session: str) -> int | None:
        """Place in the queue, 1 is next; None when it does not wait."""
        return self.queue.index(session) + 1 if session in self.queue else None


class Account:
    """Whose turn it is at one worker, by the time that each stream has taken: start-time fair queueing.

    Goyal, Vin, Cheng, "Start-time Fair Queueing", SIGCOMM 1996: a stream's tag is where its last work ended in virtual time,
    but never before now, so that nobody saves time up.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._ends: dict[str, float] = {}
        self.chunk_s: dict[str, float] = {}
        """what each stream's newest chunk took of the worker's time (seconds)"""

    def tag(self, session: str) -> float:
        """Smaller is sooner."""
        return max(self._now, self._ends.get(session, 0.0))

    def charge(self, sessions: Iterable[str], spent_s: float, chunk: bool = False) -> None:
        """The worker spent so long on these streams together, on a `chunk` of each or on something else."""
        served = list(sessions)
        if not served:
            return
        tags = {session: self.tag(session) for session in served}
        self._now = max(self._now, min(tags.values()))
        for session, tag in tags.items():
            self._ends[session] = tag + spent_s / len(served)
            if chunk:
                self.chunk_s[session] = spent_s / len(served)

    def forget(self, session: str) -> None:
        """The stream is gone."""
        self._ends.pop(session, None)
        self.chunk_s.pop(session, None)


@dataclass(frozen=True)
class Wish:
    """A stream that wants its next order carried out at `due` (seconds), and its `tag` in the account.

    `alone`: in a batch of its own. Streams of one `kind` cost about the same and can go together. While one of less
    `doubt` is due the others wait.
    """

    session: str
    due: float
    alone: bool = False
    tag: float = 0.0
    kind: int = 0
    doubt: tuple[int, int] = (0, 0)


def next_batch(
    wishes: Iterable[Wish], now: float, batch_s: float, size: int
) -> tuple[list[str], float | None]:
    """The sessions whose turn it is, or when to ask again (None: not before something happens).

    Of those that are due the one goes first that has taken least. Those of its kind that would fall due before this batch is
    finished go with it: they would have to wait for the worker anyway, and one pass for two costs less than two.
    """
    asked = [wish for wish in wishes if wish.due != float("inf")]
    least = min((wish.doubt for wish in asked if wish.due <= now), default=None)
    if least is not None:
        asked = [wish for wish in asked if wish.doubt == least]
    ordered = sorted(asked, key=lambda wish: wish.due)
    if not ordered:
        return [], None
    if ordered[0].due > now:
        return [], ordered[0].due
    first = min((wish for wish in ordered if wish.due <= now), key=lambda wish: (wish.tag, wish.due))
    if first.alone:
        return [first.session], None
    others = [
        wish
        for wish in ordered
        if wish is not first and wish.due <= now + batch_s and not wish.alone and wish.kind == first.kind
    ]
    others.sort(key=lambda wish: (wish.due > now, wish.tag))
    return [first.session, *(wish.session for wish in others)][:size], None
