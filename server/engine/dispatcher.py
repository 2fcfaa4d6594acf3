"""Between sessions and workers: seats, batches, answers, and what happens when a worker is lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from flowbrush.errors import ErrorCode
from flowbrush.protocol import Codec, Queue, SessionRecovering
from server.engine import ipc
from server.engine.engine import Lost, Worker, WorkerProcess
from server.engine.scheduler import Seats, Wish, next_batch
from server.engine.stills import Stills
from server.metrics import Metrics
from server.sessions.live import Live
from server.sessions.session_parts import Phase
from server.settings import Settings
from server.store.store import Store

log = logging.getLogger(__name__)

SNAPSHOTS_KEPT = 2
MAX_OPENINGS = 3
BACK_OFF_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)

Fail = Callable[[Live, ErrorCode, str], None]
Opened = Callable[[Live], None]


class Dispatcher:
    """Keeps the workers alive and busy. Everything runs in the event loop."""

    def __init__(
        self,
        settings: Settings,
        lives: dict[str, Live],
        metrics: Metrics,
        store: Store,
        fail: Fail,
        opened: Opened,
    ) -> None:
        """`fail` ends a session that cannot go on; `opened` hears of one that got its seat."""
        self._settings = settings
        self._lives = lives
        self._metrics = metrics
        self._store = store
        self._fail = fail
        self._opened = opened
        self._workers: dict[str, Worker] = {}
        self._numbers = itertools.count()
        self._stills = Stills()
        self._failed_loads = 0
        self._stopping = False
        self.seats = Seats(settings.queue_size)
        self.loaded = asyncio.Event()
        self.unusable = asyncio.Event()
        self.facts: ipc.Loaded | None = None
        self.broken: str | None = None
        """Why no worker can be loaded, if that is so."""

    # ---- workers

    def start(self) -> None:
        """Starts all workers."""
        for _ in range(self._settings.workers):
            self._spawn()

    def _spawn(self) -> None:
        if self._stopping:
            return
        settings = self._settings
        config = ipc.WorkerConfig(
            settings.loader,
            settings.model,
            settings.device,
            settings.seats,
            settings.threads,
            settings.log_level,
            settings.log_json,
            settings.attention,
            settings.compile,
            settings.fp8,
        )
        name = f"worker-{next(self._numbers)}"
        process = WorkerProcess(
            name,
            config,
            self._handle,
            settings.load_timeout_s,
            settings.chunk_timeout_s,
            settings.beat_timeout_s,
        )
        self._workers[name] = Worker(process)
        log.info("%s starts as process %s", name, process.pid)

    async def stop(self, timeout_s: float) -> None:
        """Ends all workers."""
        self._stopping = True
        await asyncio.gather(*(worker.process.quit(timeout_s) for worker in self._workers.values()))

    def _handle(self, process: WorkerProcess, message: Any) -> None:
        worker = self._workers.get(process.name)
        if worker is None:
            return
        match message:
            case ipc.Loaded():
                self._on_loaded(worker, message)
            case ipc.LoadFailed():
                self.broken = message.message
                self.unusable.set()
                log.error("the model %s cannot be loaded: %s", self._settings.model, message.message)
            case Lost():
                self._on_lost(worker, message.reason)
            case ipc.StepDone():
                rate = 0.3 if worker.batch_s else 1.0
                worker.batch_s += rate * (message.step_ms / 1e3 - worker.batch_s)
                worker.busy, worker.batch = False, {}
                self.kick(process.name)
            case ipc.StepFailed():
                self._on_step_failed(worker, message)
            case ipc.StillImage():
                self._stills.answered(message)
            case _:
                live = self._lives.get(message.stream)
                if live is not None and live.session.epoch == message.epoch and live.worker == process.name:
                    self._on_session_message(live, message)
                elif isinstance(message, ipc.Saved):
                    _unlink(message.path)

    def _on_loaded(self, worker: Worker, message: ipc.Loaded) -> None:
        self.facts, self.broken, self._failed_loads = message, None, 0
        worker.seats = message.seats
        worker.batch_s = message.chunk_s
        self.seats.capacity[worker.process.name] = message.seats
        log.info(
            "%s is warm: %s, %d seats, %.0f ms a chunk, encodes %s",
            worker.process.name,
            self._settings.model,
            message.seats,
            message.chunk_s * 1e3,
            ", ".join(message.codecs),
        )
        self.loaded.set()
        self.give_seats()

    def _on_lost(self, worker: Worker, reason: str) -> None:
        name = worker.process.name
        log.error("%s is lost: %s", name, reason)
        if worker.timer is not None:
            worker.timer.cancel()
        del self._workers[name]
        lost = self.seats.lose(name)
        opening = next((id for id in lost if self._lives[id].session.phase is Phase.OPENING), None)
        self._metrics.restarts.labels(reason.split(":")[0].split(" with ")[0]).inc()
        for live in [live for live in self._lives.values() if live.worker == name]:
            live.worker = None
            too_often = worker.batch.get(live.id) == live.session.epoch and live.session.failed()
            if live.id == opening:  # orders are obeyed one by one, so this may be the one that did it
                too_often = self._opening_failed(live)
            live.session.unseat()
            if too_often:
                self._fail(
                    live, ErrorCode.GENERATION_FAILED, "making this stream ended the worker several times"
                )
            else:
                live.say_all(SessionRecovering(reason=f"the worker is being replaced: {reason}"))
        if not worker.process.loaded:
            self._failed_loads += 1
        delay = BACK_OFF_S[min(self._failed_loads, len(BACK_OFF_S) - 1)]
        asyncio.get_running_loop().call_later(delay, self._spawn)
        self.give_seats()

    def _on_step_failed(self, worker: Worker, message: ipc.StepFailed) -> None:
        if message.out_of_memory:
            worker.process.kill(f"it ran out of memory: {message.message}")
            return
        worker.busy, worker.batch = False, {}
        for stream, epoch in message.streams:
            live = self._lives.get(stream)
            if live is None or live.session.epoch != epoch:
                continue
            live.session.enter(Phase.READY)
            if live.session.failed():
                self._fail(
                    live, ErrorCode.GENERATION_FAILED, f"this chunk could not be made: {message.message}"
                )
        self.kick(worker.process.name)

    # ---- seats

    def give_seats(self) -> None:
        """Seats who waits, and tells the others their place."""
        for id, name in self.seats.assign():
            live = self._lives[id]
            live.worker, live.place_said = name, None
            self._workers[name].process.send(live.session.open_order())
        for id in self.seats.queue:
            live = self._lives[id]
            place = (self.seats.position(id) or 1, len(self.seats.queue))
            if self.loaded.is_set() and live.place_said != place:
                live.place_said = place
                live.say(Queue(position=place[0], size=place[1]))
        self._metrics.queue.set(len(self.seats.queue))
        self._metrics.slots.set(self.seats.total)
        self._metrics.slots_used.set(len(self.seats.holders))

    def release(self, live: Live) -> None:
        """The session gives its seat, or its place in the queue, back."""
        worker = self._workers.get(live.worker) if live.worker is not None else None
        if worker is not None:
            worker.process.send(ipc.Close(live.id))
        self.seats.leave(live.id)
        live.worker = None
        self.give_seats()

    def reopen(self, live: Live) -> None:
        """Makes the session's state again at the worker where it sits, or when it gets a seat."""
        worker = self._workers.get(live.worker) if live.worker is not None else None
        if worker is not None:
            worker.process.send(live.session.open_order())

    def rewind(self, live: Live) -> None:
        """The session was cut: takes the worker's state back to its new end."""
        session = live.session
        worker = self._workers.get(live.worker) if live.worker is not None else None
        if worker is not None:
            session.enter(Phase.OPENING)
            chunk = session.frame // session.chunk_frames - 1
            worker.process.send(ipc.Rewind(live.id, session.epoch, chunk))

    async def still(self, live: Live, codec: Codec) -> tuple[int, bytes] | None:
        """The newest frame as a key frame of `codec`, with its index; None when there is none or no answer."""
        worker = self._workers.get(live.worker) if live.worker is not None else None
        return None if worker is None else await self._stills.ask(worker.process, live.id, codec)

    # ---- sessions

    def _on_session_message(self, live: Live, message: Any) -> None:
        session = live.session
        match message:
            case ipc.Opened():
                session.opened(message.chunk)
                self._opened(live)
            case ipc.OpenFailed():
                self._on_open_failed(live, message)
            case ipc.Rewound():
                if message.ok:
                    session.opened(session.frame // session.chunk_frames)
                else:
                    self.reopen(live)
            case ipc.Made():
                live.made(message)
            case ipc.Encoded():
                live.encoded(message)
            case ipc.Saved():
                self._on_saved(live, message)
            case ipc.StreamFailed():
                if session.failed():
                    self._fail(live, ErrorCode.GENERATION_FAILED, f"this chunk was lost: {message.message}")
                    return
                session.unseat()
                live.say_all(SessionRecovering(reason="a chunk was lost; it is made again"))
                self.reopen(live)
        if live.worker is not None:
            self.kick(live.worker)

    def _on_open_failed(self, live: Live, message: ipc.OpenFailed) -> None:
        if message.bad_request:
            self._fail(live, ErrorCode.INVALID_VALUE, message.message)
        elif self._opening_failed(live):
            self._fail(live, ErrorCode.GENERATION_FAILED, f"the stream cannot be started: {message.message}")
        else:
            self.reopen(live)

    @staticmethod
    def _opening_failed(live: Live) -> bool:
        """Drops the snapshots, one of which may be broken: the journal is enough. True when it is too often."""
        session = live.session
        session.opening_failures += 1
        for path in session.snapshots.values():
            _unlink(path)
        session.snapshots.clear()
        return session.opening_failures >= MAX_OPENINGS

    def _on_saved(self, live: Live, message: ipc.Saved) -> None:
        snapshots = live.session.snapshots
        snapshots[message.chunk] = message.path
        for chunk in sorted(snapshots)[:-SNAPSHOTS_KEPT]:
            _unlink(snapshots.pop(chunk))

    def kick(self, name: str) -> None:
        """Something has changed: starts the next batch of a worker if it is time, else sets the clock."""
        worker = self._workers.get(name)
        if worker is None or worker.busy or not worker.process.loaded:
            return
        if worker.timer is not None:
            worker.timer.cancel()
            worker.timer = None
        now = time.monotonic()
        wishes = []
        for live in self._lives.values():
            if live.worker == name and not live.blocked:
                due = live.session.due(now)
                if due is not None:
                    wishes.append(Wish(live.id, due, live.session.alone))
        batch, later = next_batch(wishes, now, worker.batch_s, worker.seats)
        if batch:
            self._step(worker, [self._lives[id] for id in batch], now)
        elif later is not None:
            worker.timer = asyncio.get_running_loop().call_at(
                asyncio.get_running_loop().time() + max(0.0, later - now), self.kick, name
            )

    def _step(self, worker: Worker, lives: list[Live], now: float) -> None:
        items = []
        for live in lives:
            session = live.session
            save = None
            if (session.chunk + 1) % self._settings.snapshot_chunks == 0:
                save = str(self._store.snapshot(live.id, session.epoch, session.chunk))
            live.began(session.chunk, now)
            items.append(session.take(save, bool(live.jpeg_viewers), now))
            worker.batch[live.id] = session.epoch
        worker.busy = True
        self._metrics.batch.observe(len(items))
        worker.process.send(ipc.Step(tuple(items)))


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        log.debug("snapshot %s was not removed: %s", path, error)
