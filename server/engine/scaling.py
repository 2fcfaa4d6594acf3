"""How many workers there are, between the fewest and the most that are wanted: more while sessions wait, fewer when some idle."""

from __future__ import annotations

from flowbrush.server.engine.admission import Admission
from flowbrush.server.engine.scheduler import Slots
from flowbrush.server.engine.workers import Worker, Workers

IDLE_S = 60.0
"""A worker above the fewest that nobody has used for so long ends: who comes right back finds it warm, and little is paid for."""


class Scaling:
    """Looks at slots and workers every now and then."""

    def __init__(self, slots: Slots, admission: Admission, workers: Workers, fewest: int, most: int) -> None:
        """`fewest` may be 0: then the last one ends, too, and one is started for whoever comes."""
        self._slots = slots
        self._admission = admission
        self._workers = workers
        self._fewest = fewest
        self._most = max(1, fewest, most)
        self._idle: dict[str, float] = {}
        """worker → since when nobody has been at it"""

    @property
    def can_grow(self) -> bool:
        """Whether one more may be started."""
        return self._count() < self._most

    @property
    def starting(self) -> bool:
        """Whether one is on its way; one that is tried again after a pause is not."""
        return any(not worker.process.loaded for worker in self._staying())

    def _staying(self) -> list[Worker]:
        return [worker for worker in self._workers.all.values() if not worker.leaving]

    def _count(self) -> int:
        return len(self._staying()) + self._workers.planned

    def adjust(self, now: float) -> None:
        """At most one worker more, or one less. One more only when none is on its way: it may be enough."""
        staying = self._staying()
        warm = [worker for worker in staying if worker.process.loaded]
        on_its_way = len(warm) < self._count()
        unused = [worker.name for worker in warm if not self._slots.used(worker.name)]
        self._idle = {name: self._idle.get(name, now) for name in unused}
        if self.can_grow and not on_its_way and self._admission.ours_to_grow():
            self._workers.grow()
        elif self._count() > self._fewest:
            late = [name for name, since in self._idle.items() if now - since > IDLE_S]
            if late:
                self._end(late[-1])

    def _end(self, name: str) -> None:
        self._idle.pop(name)
        self._slots.capacity.pop(name, None)
        worker = self._workers.all[name]
        worker.leaving = "nobody needs it"
        self._workers.retire(worker)
