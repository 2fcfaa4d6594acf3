"""The running server: resumes and ends sessions, and looks after those nobody looks at."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode
from flowbrush.protocol import Codec, SessionPaused, SourceFields
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.engine import ipc
from flowbrush.server.engine.dispatcher import Dispatcher
from flowbrush.server.engine.dispatchers import Dispatchers
from flowbrush.server.engine.engine import Engine
from flowbrush.server.engine.watched import spawner
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.driver import Driver
from flowbrush.server.sessions.fleet import fleet_of
from flowbrush.server.sessions.newcomers import Newcomers
from flowbrush.server.sessions.refused import Refused, served
from flowbrush.server.sessions.session_host import RESUMED_FRAMES, WATCHER_FRAMES, SessionHost
from flowbrush.server.settings import MIB, TMPFS, Settings, private_name
from flowbrush.server.store import in_memory
from flowbrush.server.store.cleaning import Cleaning
from flowbrush.server.store.images import ImageStore
from flowbrush.server.store.kept_files import KeptFiles
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.snapshot_files import SnapshotFiles
from flowbrush.server.store.storage import Storage, StorageLate
from flowbrush.server.store.store import SessionRecord, Store, hash_token
from flowbrush.server.store.trial import Trial
from flowbrush.server.supervise import supervise

log = logging.getLogger(__name__)

HOUSEKEEPING_S = 0.5
CLEAN_S = 600.0
CLOSE_S = 1.0
"""So long may giving the folder back take."""
SNAPSHOT_THREADS = 4


class Service:
    """Everything behind the sockets. Runs in the event loop."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        self.metrics = Metrics()
        self.lives: dict[str, SessionHost] = {}
        self.store = Store(settings.state_dir, settings.snapshots_dir, shared=bool(settings.cluster))
        self.images = ImageStore(
            settings.state_dir / "images", settings.image_mib * MIB, settings.image_megapixels * 1e6
        )
        self.storage = Storage()
        """for the files of sessions that live, the lanes by their ids"""
        self.reading = Storage()
        """for what people ask to read and to upload: however much of that hangs, sessions are written all the same"""
        self.metrics.storage_silent.set_function(lambda: self.storage.silent_s)
        self._repository = SessionRepository(settings, self.store, self.metrics)
        self.kept = KeptFiles(self.lives, self._repository.keeping, self.storage)
        self.trial = Trial(self.storage, self._repository.try_writing)
        self._snapshots = snapshots = SnapshotFiles(self.store, Storage(SNAPSHOT_THREADS))
        self.driver = Driver(self.lives, self.metrics, snapshots, self._repository, self.storage)
        shared = settings, self.lives, self.metrics, snapshots, self.driver.handle
        failed = self.metrics.task_failures.labels("watch").inc
        spawn = {name: spawner(engine, settings, name, failed) for name in settings.models}
        each = {name: Dispatcher(name, *shared, spawn[name]) for name in settings.models}
        self.dispatchers = self.driver.dispatchers = Dispatchers(each, self.lives, settings.load_timeout_s)
        parts = self.store, self._repository, self.driver, self.lives, self.storage
        self.fleet = fleet_of(*parts, settings)
        files = self.store, self._repository, self.images, self.storage, self.reading
        self.newcomers = Newcomers(self.lives, settings, self.dispatchers, self.wait_loaded, *files)
        self._tasks: list[asyncio.Task[None]] = []
        self.stopping = False

    # ---- life of the server

    def take_up(self) -> None:
        """Takes up the sessions of an earlier process, before `start`; with other gateways each when its client comes. Blocks."""
        if self.fleet is None:
            self.lives.update((live.id, live) for live in self._repository.stored())

    async def start(self) -> None:
        """Starts the workers and the tasks of upkeep."""
        works = {"housekeeping": self._housekeeping, "cleaning": self._cleaning}
        works |= {"trial": self.trial.run, "kept files": self.kept.run}
        if self.fleet is not None:
            works["fleet"] = self.fleet.run
        if self.settings.snapshots_dir.parent == TMPFS:
            self.reading.submit("abandoned", partial(in_memory.remove_abandoned, TMPFS, f"{private_name()}-"))
        self.dispatchers.start(asyncio.get_running_loop())
        for name, work in works.items():
            failed = self.metrics.task_failures.labels(name).inc
            self._tasks.append(asyncio.create_task(supervise(name, work, failed)))

    async def say_goodbye(self, timeout_s: float) -> None:
        """Tells every session that the server stops, keeps what is needed to resume it, closes its files."""
        if self.stopping:
            return
        self.stopping = True
        self.dispatchers.stopping()
        lives = list(self.lives.values())
        if self.fleet is not None:
            self.fleet.leave()
        for live in lives:
            if self.fleet is None:
                self.driver.handle(live, on.Stopping())
            else:
                self.fleet.handover.give_up(live)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*(live.gone.wait() for live in lives))

    async def stop(self) -> None:
        """Ends everything, in bounded time; sessions can be resumed by the next process."""
        for task in self._tasks:
            task.cancel()
        await self.say_goodbye(self.settings.drain_s)
        drain_s, files = self.settings.drain_s, (self.storage, self._snapshots)
        await asyncio.gather(self.dispatchers.stop(drain_s), *(each.drained(drain_s) for each in files))
        await asyncio.to_thread(self.engine.close)
        with contextlib.suppress(StorageLate):  # a disk that does not answer must not hold the end up
            await self.storage.run("all", self.store.close, within_s=CLOSE_S)

    @property
    def ready(self) -> bool:
        """Whether a newcomer would get a slot, and files."""
        files = not (self.storage.hangs or self.trial.refused)
        return not self.stopping and files and self.dispatchers.ready

    def capabilities(self, model: str) -> dict[str, Any]:
        """What a model can do; nothing before it is loaded."""
        facts = self.dispatchers.by_model[model].facts
        return {} if facts is None else facts.card["capabilities"]

    async def wait_loaded(self, model: str) -> ipc.Loaded:
        """Waits for the first worker of a model, says what it has; raises Refused when there will be none."""
        dispatcher = self.dispatchers.by_model[model]
        if dispatcher.broken is not None:
            text = f"the model {model} cannot be loaded: {dispatcher.broken}"
            raise Refused(ErrorCode.INTERNAL, text, CloseCode.INTERNAL)
        if self.stopping:
            raise Refused(ErrorCode.BUSY, "the server stops", CloseCode.TRY_LATER, retryable=True)
        await dispatcher.loaded.wait()
        assert dispatcher.facts is not None
        return dispatcher.facts

    # ---- sessions

    async def resume(
        self, token: str, codecs: tuple[Codec, ...], sees: Callable[[SessionRecord], bool]
    ) -> SessionHost:
        """The session that a token stands for, if who asks `sees` it; raises Refused. The caller attaches, then calls `resumed`."""
        hashed = hash_token(token)
        served(self._repository.left_out.get(hashed), self.dispatchers.names)
        live = self._here(hashed)
        if live is None and self.fleet is not None:
            live = await self.fleet.handover.take_up(hashed, sees)
        if live is not None:
            await self.wait_loaded(live.meta.model)
        if live is None or not sees(live.meta):
            text = "this session has ended or was away for too long: start a new one"
            raise Refused(ErrorCode.RESUME_EXPIRED, text, CloseCode.BAD_START, field="resume")
        codec = live.session.output.codec
        if codec not in codecs:
            text = f"the session is encoded as {codec}, which is not named: name it, or begin another session"
            raise Refused(ErrorCode.NO_CODEC, text, CloseCode.BAD_START, field="codecs")
        live.token = token
        return live

    def _here(self, hashed: str) -> SessionHost | None:
        return next((each for each in self.lives.values() if each.meta.token_hash == hashed), None)

    async def whose(self, token: str, sees: Callable[[SessionRecord], bool]) -> str | None:
        """The other gateway that has the session that a token stands for; None where none of them has."""
        hashed = hash_token(token)
        return None if self.fleet is None or self._here(hashed) else await self.fleet.whose(hashed, sees)

    def outbox(self, live: SessionHost, last_frame: int = -1, start_id: int | None = None) -> Outbox:
        """The box of the session's own client, which is there (again) and has every frame up to `last_frame`."""
        outbox = self._make_outbox(live, RESUMED_FRAMES)
        live.attach(outbox)
        recorded = live.recording.chunks if live.recording is not None else None
        self.driver.handle(live, on.Attached(last_frame + 1, start_id, recorded))
        return outbox

    def detach(self, live: SessionHost, outbox: Outbox) -> None:
        """A connection of the session's own client is gone."""
        if live.detach(outbox):
            self.driver.handle(live, on.Detached())

    def begin_source(self, live: SessionHost, given: SourceFields, first: bool = False) -> None:
        """The session's client sends video from now on; `first`: the stream begins with it."""
        live.video.begin(given, lambda: self.dispatchers.of(live).turns.touch(live), first)

    def want_key(self, live: SessionHost) -> None:
        """Has the next chunk begin with a key frame."""
        self.driver.handle(live, on.KeyWanted())

    def _make_outbox(self, live: SessionHost, frames: int) -> Outbox:
        return live.make_outbox(frames, lambda: self.want_key(live))

    def end(self, live: SessionHost, reason: str, code: int = CloseCode.DONE, id: int | None = None) -> None:
        """The session is over: everybody is told, files are closed, its slot is free."""
        self.driver.handle(live, on.EndAsked(reason, code, id))

    def watch(self, live: SessionHost) -> Outbox:
        """A viewer's outbox, which begins with `session.ready`, says when it is paused, then has a key frame."""
        outbox = self._make_outbox(live, WATCHER_FRAMES)
        facts = self.dispatchers.of(live).facts
        card = facts.card if facts is not None else {}
        outbox.say(live.ready_message(card, for_viewer=True))
        if live.session.pace.paused:
            outbox.say(SessionPaused(chunk=live.session.upcoming))
        outbox.waits_for_key = True
        self.want_key(live)
        live.viewers.add(outbox)
        self.metrics.viewers.inc()
        return outbox

    def unwatch(self, live: SessionHost, outbox: Outbox) -> None:
        """The viewer is gone."""
        live.viewers.discard(outbox)
        self.metrics.viewers.dec()

    # ---- parts

    def session_file(self, id: str) -> Iterator[str] | None:
        """The text of the session file of a running or an ended session. Blocks. Raises OSError."""
        live = self.lives.get(id)
        return self._repository.session_file(id, None if live is None else live.session.output.frame)

    async def _housekeeping(self) -> None:
        """Tells every session that time passes; once a worker of its model is warm, for it cannot be served before."""
        while True:
            for each in self.dispatchers:
                if each.facts is not None:
                    self._look_after(each, each.facts)
            await asyncio.sleep(HOUSEKEEPING_S)

    def _look_after(self, dispatcher: Dispatcher, facts: ipc.Loaded) -> None:
        self._repository.codecs[dispatcher.model] = frozenset(Codec(name) for name in facts.codecs)
        for live in list(self.lives.values()):
            if live.meta.model == dispatcher.model:
                self.driver.handle(live, on.Tick(dispatcher.admission.short))
        dispatcher.scaling.adjust(asyncio.get_running_loop().time())

    async def _cleaning(self) -> None:
        """Keeps the folder of old sessions and images within its bounds."""
        settings = self.settings
        cleaning = Cleaning(self.store, self.images, settings.keep_hours * 3600, settings.disk_mib * MIB)
        while True:
            living = set(self.lives) | self.storage.lanes
            with contextlib.suppress(StorageLate):
                await self.reading.run("cleaning", partial(cleaning.run, living), within_s=CLEAN_S)
            await asyncio.sleep(CLEAN_S)
