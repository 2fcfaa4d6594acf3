"""Between the sessions of one model and its workers: slots, answers, and what happens when a worker is lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from msgspec import structs

from flowbrush.protocol import Codec
from flowbrush.server.engine import ipc
from flowbrush.server.engine.admission import Admission, QueueFull
from flowbrush.server.engine.balance import Demand, better_off, overloaded
from flowbrush.server.engine.scaling import Scaling
from flowbrush.server.engine.scheduler import Slots
from flowbrush.server.engine.stills import Stills
from flowbrush.server.engine.turns import Turns
from flowbrush.server.engine.workers import Leaving, Spawn, Timer, Worker, Workers
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.settings import Settings
from flowbrush.server.source.tracking import with_tracking
from flowbrush.server.store.snapshot_files import SnapshotFiles

log = logging.getLogger(__name__)

OFFER_S = 2.0
"""So often at most one stream of a worker gets a better quality back."""


class Dispatcher:
    """Keeps workers busy. Everything runs in the event loop. What it hears of a session it hands to `handle`."""

    def __init__(
        self,
        model: str,
        settings: Settings,
        lives: dict[str, SessionHost],
        metrics: Metrics,
        snapshots: SnapshotFiles,
        handle: Callable[[SessionHost, Any], None],
        spawn: Spawn,
    ) -> None:
        self.model = model
        self._settings = settings
        self._lives = lives
        self._metrics = metrics
        self._snapshots = snapshots
        self._handle = handle
        self._timer: Timer | None = None
        self._stills = Stills()
        self._settling = False
        self.workers = Workers(spawn, self._on_message, self._on_lost)
        self.slots = Slots(settings.queue_size)
        self.turns = Turns(
            lives, self.slots, self.workers, metrics, snapshots, settings.snapshot_chunks, handle
        )
        self.admission = Admission(self.slots, lives)
        bounds = settings.workers, settings.most_workers
        self.scaling = Scaling(self.slots, self.admission, self.workers, *bounds)
        self.loaded = asyncio.Event()
        self.unusable = asyncio.Event()
        self.facts: ipc.Loaded | None = None
        self.broken: str | None = None
        """Why no worker can be loaded, if that is so."""

    # ---- workers

    def start(self, timer: Timer) -> None:
        """Starts the workers; one at least, which says what the model can do."""
        self._timer = self.turns.timer = timer
        self.workers.start(max(1, self._settings.workers), timer)

    async def stop(self, timeout_s: float) -> None:
        """Ends all workers."""
        await asyncio.gather(*(worker.process.quit(timeout_s) for worker in self.workers.stopping()))

    def _on_message(self, worker: Worker, message: Any) -> None:
        match message:
            case ipc.Loaded():
                self._on_loaded(worker, message)
            case ipc.LoadFailed():
                self.broken = message.message
                self.unusable.set()
                log.error("the model %s cannot be loaded: %s", self.model, message.message)
            case ipc.Done():
                self._on_done(worker, message.spent_ms / 1e3)
            case ipc.StepFailed():
                self._on_step_failed(worker, message)
            case ipc.StillImage():
                self._stills.answered(message)
            case Leaving():
                self._on_leaving(worker, message.reason)
            case _:
                live = self._lives.get(message.stream)
                here = live is not None and self.slots.holders.get(live.id) == worker.name
                if live is not None and here:
                    live.video.heard(message)
                    self._handle(live, message)
                elif isinstance(message, ipc.Saved):
                    self._snapshots.remove(message.stream, [message.path])

    def _on_loaded(self, worker: Worker, message: ipc.Loaded) -> None:
        self.facts, self.broken = structs.replace(message, card=with_tracking(message.card)), None
        self.workers.loaded()
        worker.slots, worker.batch_s = message.seats, message.chunk_s
        if not worker.leaving:
            self.slots.capacity[worker.name] = message.seats
        log.info(
            "%s is warm: %s, %d slots, %.0f ms a chunk, encodes %s",
            worker.name,
            self.model,
            message.seats,
            message.chunk_s * 1e3,
            ", ".join(message.codecs),
        )
        self.loaded.set()
        self.settle()

    def _on_done(self, worker: Worker, spent_s: float) -> None:
        here = [id for id in worker.order or () if self.slots.holders.get(id) == worker.name]
        worker.account.charge(here, spent_s, worker.making)
        worker.order = None
        if self._timer is not None:
            worker.load.add(spent_s, self._timer.time())
            self._balance(worker, self._timer.time())
        if worker.leaving:
            self._move()
        self.turns.kick(worker.name)

    def _balance(self, worker: Worker, now: float) -> None:
        """Tells streams that they have to do with less, or one at a time that there is room for what it had before."""
        demands = []
        taken = {id: spent for id, spent in worker.account.chunk_s.items() if id in self._lives}
        for id, chunk_s in taken.items():
            session = self._lives[id].session
            quality = session.quality
            share = chunk_s * quality.rate / session.chunk_s
            demands.append(Demand(id, share, quality.strained, quality.growth, quality.level))
        for id in overloaded(worker.load.share, demands):
            self._handle(self._lives[id], on.Overloaded())
        better = better_off(worker.load.share, demands) if now - worker.offered >= OFFER_S else None
        if better is not None:
            worker.offered = now
            self._handle(self._lives[better], on.RoomFound())

    def _on_step_failed(self, worker: Worker, message: ipc.StepFailed) -> None:
        if message.out_of_memory:
            worker.process.kill(f"it ran out of memory: {message.message}")
            return
        for stream, epoch in message.streams:
            live = self._lives.get(stream)
            if live is not None and live.session.epoch == epoch:
                self._handle(live, on.ChunkFailed(message.message))

    def _on_lost(self, worker: Worker, reason: str) -> None:
        self._metrics.restarts.labels(reason.split(":")[0].split(" with ")[0]).inc()
        self._stills.lost()
        under_way = worker.order or {}
        for id in reversed(self.slots.lose(worker.name)):  # each goes before all others in the queue
            live = self._lives[id]
            blamed = under_way.get(id) == live.session.epoch
            self._handle(live, on.WorkerLost(reason, blamed))
        self.settle()

    def _on_leaving(self, worker: Worker, reason: str) -> None:
        """Nobody comes to this worker any more; who is there moves as soon as there is room elsewhere."""
        if not worker.leaving:
            log.warning("%s is to go: %s", worker.name, reason)
            worker.leaving = reason
            self.slots.capacity.pop(worker.name, None)
            self.workers.grow()
            self.settle()

    def _move(self) -> None:
        """Takes streams, between two chunks of theirs, from workers that are to go; one without any ends."""
        for worker in [each for each in self.workers.all.values() if each.leaving]:
            for id in self.slots.at(worker.name):
                if id not in (worker.order or ()) and self.slots.free > len(self.slots.queue):
                    self.slots.leave(id)
                    worker.process.send(ipc.Close(id))
                    self._handle(self._lives[id], on.WorkerLost(worker.leaving, blamed=False))
            if not self.slots.used(worker.name):
                self.workers.retire(worker)

    # ---- slots

    def join(self, live: SessionHost, first: bool) -> None:
        """The session waits for a slot; in a full queue the last of those who have most there makes room. Raises QueueFull."""
        displaced = self.admission.join(live, first, time.time())
        self.settle()
        if displaced is not None:
            full = QueueFull("the queue is full, and others have fewer sessions there: try again later")
            self._handle(self._lives[displaced], on.Failed(do.Queue(), full))

    def release(self, live: SessionHost) -> None:
        """The session gives its slot, or its place in the queue, back."""
        name = self.slots.leave(live.id)
        live.place_said = live.rank = None
        worker = self.workers.all.get(name) if name is not None else None
        if worker is not None:
            worker.process.send(ipc.Close(live.id))
            worker.account.forget(live.id)
        self.settle()

    def settle(self) -> None:
        """Free slots will be given to those who wait, once what is going on is over."""
        if not self._settling and self._timer is not None:
            self._settling = True
            self._timer.call_soon(self._settle)

    def _settle(self) -> None:
        self._settling = False
        for id, _ in self.admission.assign():
            live = self._lives[id]
            live.place_said = live.rank = None
            card, reads = ({}, False) if self.facts is None else (self.facts.card, self.facts.reads)
            self._handle(live, on.SlotGiven(card.get("steps", 1), card.get("fewest_steps", 1), reads))
        self._move()
        if self.loaded.is_set():
            self.admission.say_places()
        self._metrics.queue.labels(self.model).set(len(self.slots.queue))
        self._metrics.slots.labels(self.model).set(self.slots.total)
        self._metrics.slots_used.labels(self.model).set(len(self.slots.holders))

    # ---- what is asked beside the chunks

    def read(self, live: SessionHost, texts: tuple[str, ...]) -> None:
        """Has the session's worker read a prompt concurrently with its orders."""
        worker = self.workers.all.get(self.slots.holders.get(live.id, ""))
        if worker is not None:
            worker.process.send(ipc.Read(live.id, live.session.epoch, texts))

    async def still(self, live: SessionHost, codec: Codec) -> tuple[int, bytes] | None:
        """The newest frame as a key frame of `codec`, with its index; None when there is none or no answer."""
        if not await live.caught_up():
            return None
        worker = self.workers.all.get(self.slots.holders.get(live.id, ""))
        if worker is None:
            return None
        session = live.session
        return await self._stills.ask(worker.process, live.id, codec, session.epoch, session.output.frame)
