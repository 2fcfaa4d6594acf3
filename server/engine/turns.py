"""Whose turn it is at which worker: the next order of each, from what its sessions want and by the time that each has taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from flowbrush.server.engine import ipc
from flowbrush.server.engine.scheduler import Slots, Wish, next_batch
from flowbrush.server.engine.workers import Timer, Worker, Workers
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.snapshot_files import SnapshotFiles

PROBE_S = 0.06
"""A look at what a hand would take needs no longer, as a rule: with less left before a chunk is due it waits."""
PATIENCE_S = 0.5
"""A worker that is late with its chunks never has that much left: a look that has waited for so long comes first, once."""


class Turns:
    """Keeps the workers of one model busy. Everything runs in the event loop."""

    def __init__(
        self,
        lives: dict[str, SessionHost],
        slots: Slots,
        workers: Workers,
        metrics: Metrics,
        snapshots: SnapshotFiles,
        snapshot_chunks: int,
        handle: Callable[[SessionHost, Any], None],
    ) -> None:
        """A snapshot is taken every `snapshot_chunks` chunks of a session. Nobody has a turn before there is a `timer`."""
        self._lives = lives
        self._slots = slots
        self._workers = workers
        self._metrics = metrics
        self._snapshots = snapshots
        self._snapshot_chunks = snapshot_chunks
        self._handle = handle
        self.timer: Timer | None = None
        self._orders: list[Any] = []
        """what the sessions whose turn it is have asked for"""
        self._to_kick: set[str] = set()

    @property
    def sent(self) -> bool:
        """Whether all that was asked for has gone to the workers."""
        return not self._orders

    def order(self, order: Any) -> None:
        """A session whose turn it is asks for this."""
        self._orders.append(order)

    def touch(self, live: SessionHost) -> None:
        """Something has changed for the session: its worker may have something to do, once what is going on is over."""
        name = self._slots.holders.get(live.id)
        if name is not None and name not in self._to_kick and self.timer is not None:
            self._to_kick.add(name)
            self.timer.call_soon(self.kick, name)

    def kick(self, name: str) -> None:
        """Something has changed: gives a worker its next order if it is time, else sets the clock."""
        self._to_kick.discard(name)
        worker = self._workers.all.get(name)
        if worker is None or worker.order is not None or not worker.process.loaded or self.timer is None:
            return
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer = None
        now = self.timer.time()
        batch, later = next_batch(self._wishes(worker, now), now, worker.batch_s, worker.slots)
        spare = not batch and (later is None or later - now > PROBE_S)
        if spare or self._starves(worker, now):
            self._probe(worker)
        if worker.order is None and batch:
            self._turn(worker, [self._lives[id] for id in batch])
        elif worker.order is None and later is not None:
            worker.timer = self.timer.call_at(later, self.kick, name)

    def _curious(self, worker: Worker) -> list[str]:
        """Its sessions that want to see what a hand would take."""
        here = self._slots.at(worker.name)
        return [id for id in here if id in self._lives and self._lives[id].session.curious]

    def _starves(self, worker: Worker, now: float) -> bool:
        """Whether one who wants to see what a hand would take has waited for so long that a chunk has to wait."""
        if not self._curious(worker):
            worker.curious_since = None
        elif worker.curious_since is None:
            worker.curious_since = now
        return worker.curious_since is not None and now - worker.curious_since > PATIENCE_S

    def _probe(self, worker: Worker) -> None:
        """Lets one of those who want to see what a hand would take do so."""
        curious = self._curious(worker)
        if curious:
            worker.curious_since = None
            id = min(curious, key=worker.account.tag)
            self._handle(self._lives[id], on.ProbeTurn())
            self._send_orders(worker)

    def _wishes(self, worker: Worker, now: float) -> list[Wish]:
        wishes = []
        here = [self._lives[id] for id in self._slots.at(worker.name) if id in self._lives]
        for live in here:
            session, id = live.session, live.id
            opening = session.phase is Phase.OPENING
            due = None if (live.blocked or live.video.rests) and not opening else session.due(now)
            if due is not None:
                alone, doubt = opening or session.alone, session.doubt
                if any(doubt) and len(here) > 1:
                    due = max(due, session.trouble.again_at)
                tag = worker.account.tag(id)
                wishes.append(Wish(id, due, alone, tag, session.quality.steps, doubt))
        return wishes

    def _turn(self, worker: Worker, lives: list[SessionHost]) -> None:
        """Asks those whose turn it is for their orders, and sends them as one."""
        assert not self._orders
        for live in lives:
            session = live.session
            save = None
            if worker.leaving or (session.chunk + 1) % self._snapshot_chunks == 0:
                save = self._snapshots.path(live.id, session.epoch, session.chunk)
            self._handle(live, on.Turn(bool(live.jpeg_viewers), save, live.video.motion()))
        self._send_orders(worker)
        if worker.order is None and self.timer is not None:  # none of them can go on: others may
            self.timer.call_soon(self.kick, worker.name)

    def _send_orders(self, worker: Worker) -> None:
        """Sends what was asked for, the chunks as one order."""
        orders, self._orders = self._orders, []
        items = tuple(self._with_source(order) for order in orders if isinstance(order, ipc.StepItem))
        if items:
            self._metrics.batch.observe(len(items))
            worker.order, worker.making = {item.stream: item.epoch for item in items}, True
            worker.process.send(ipc.Step(items))
        for order in orders:
            if not isinstance(order, ipc.StepItem):
                worker.order, worker.making = {order.stream: order.epoch}, False
                worker.process.send(order)

    def _with_source(self, item: ipc.StepItem) -> ipc.StepItem:
        source = self._lives[item.stream].video.clip(item.chunk)
        return item if source is None else structs.replace(item, source=source)
