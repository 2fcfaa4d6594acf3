"""Who gets a seat, and which streams form the next batch. No I/O, no clock, nothing of the model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Seats:
    """The seats of all workers and the queue before them. Sessions and workers are known by name."""

    queue_size: int
    capacity: dict[str, int] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    """session → worker"""
    queue: deque[str] = field(default_factory=deque)

    def used(self, worker: str) -> int:
        """How many sessions sit at `worker`."""
        return sum(1 for each in self.holders.values() if each == worker)

    @property
    def total(self) -> int:
        """Seats of all workers that are ready."""
        return sum(self.capacity.values())

    @property
    def free(self) -> int:
        """Seats that nobody holds."""
        return sum(max(0, seats - self.used(worker)) for worker, seats in self.capacity.items())

    def join(self, session: str) -> bool:
        """Puts a session into the queue (if it is in none); False when the queue is full.

        A session that finds a free seat right away does not count against the queue's size.
        """
        if session in self.holders or session in self.queue:
            return True
        if len(self.queue) >= self.queue_size + self.free:
            return False
        self.queue.append(session)
        return True

    def assign(self) -> list[tuple[str, str]]:
        """Gives free seats to those who wait longest, at the emptiest worker: (session, worker) pairs."""
        given = []
        while self.queue:
            free = {name: seats - self.used(name) for name, seats in self.capacity.items()}
            worker = max(free, key=lambda name: free[name], default=None)
            if worker is None or free[worker] <= 0:
                break
            session = self.queue.popleft()
            self.holders[session] = worker
            given.append((session, worker))
        return given

    def leave(self, session: str) -> str | None:
        """Frees the session's seat or its place in the queue; returns the worker that it sat at."""
        if session in self.queue:
            self.queue.remove(session)
        return self.holders.pop(session, None)

    def lose(self, worker: str) -> list[str]:
        """The worker is gone: its sessions go to the head of the queue, in their order."""
        self.capacity.pop(worker, None)
        lost = [session for session, at in self.holders.items() if at == worker]
        for session in reversed(lost):
            del self.holders[session]
            self.queue.appendleft(session)
        return lost

    def position(self, session: str) -> int | None:
        """Place in the queue, 1 is next; None when it does not wait."""
        return self.queue.index(session) + 1 if session in self.queue else None


@dataclass(frozen=True)
class Wish:
    """A stream that wants its next chunk started at `due` (seconds). `alone`: in a batch of its own."""

    session: str
    due: float
    alone: bool = False


def next_batch(
    wishes: Iterable[Wish], now: float, batch_s: float, size: int
) -> tuple[list[str], float | None]:
    """The sessions to be stepped now, or when to ask again (None: not before something happens).

    When one is due, those that would fall due before this batch is finished go with it: they would
    have to wait for the worker anyway, and one pass for two costs less than two. The most urgent go
    first, so that with more than `size` nobody is passed over for ever.
    """
    ordered = sorted(wishes, key=lambda wish: wish.due)
    ordered = [wish for wish in ordered if wish.due != float("inf")]
    if not ordered:
        return [], None
    if ordered[0].due > now:
        return [], ordered[0].due
    if ordered[0].alone:
        return [ordered[0].session], None
    due = [wish.session for wish in ordered if wish.due <= now + batch_s and not wish.alone]
    return due[:size], None
