"""Sessions, their driver and their dispatcher as they are, in a world that is played: clock, workers, clients, the disk.

The world does what it is told, also what is wrong; what must hold all the same is checked by `check` and `recover`.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flowbrush.errors import ProtocolError
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.protocol import Codec, SessionDone, StartFields
from flowbrush.server.delivery.delivery import Closing, Media, Outbox
from flowbrush.server.engine import ipc
from flowbrush.server.engine.dispatcher import Dispatcher
from flowbrush.server.engine.dispatchers import Dispatchers
from flowbrush.server.engine.workers import Leaving, Lost
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.driver import Driver
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Session, Terms
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.session_repository import Logged
from flowbrush.server.store.snapshot_files import SnapshotFiles
from flowbrush.server.store.storage import LATE_S
from flowbrush.server.store.store import SessionRecord

FRAMES, FPS = 4, 16.0
NO_SPACE = OSError(28, "No space left on device")


class Clock:
    """Time that passes when it is told to; what an event loop does for the dispatcher."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[tuple[float, int, Any]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, function: Callable[..., Any], *args: Any) -> Any:
        call = SimpleNamespace(run=lambda: function(*args), off=False)
        call.cancel = lambda: setattr(call, "off", True)
        heapq.heappush(self._calls, (when, next(self._numbers), call))
        return call

    def call_soon(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.call_at(self.now, function, *args)

    def next_call(self) -> float:
        """When something falls due next."""
        return self._calls[0][0]

    def advance(self, seconds: float) -> None:
        """Lets time pass, and what falls due happen in its order."""
        until = self.now + seconds
        while self._calls and self._calls[0][0] <= until:
            when, _, call = heapq.heappop(self._calls)
            self.now = max(self.now, when)
            if not call.off:
                call.run()
        self.now = until


class PlayedWorker:
    """A worker process that answers when it is told to."""

    def __init__(self, name: str, handler: Callable[[Any, Any], None]) -> None:
        self.name, self.handler, self.where = name, handler, "played"
        self.loaded = self.gone = False
        self.orders: list[Any] = []
        self.streams: dict[str, list[int]] = {}
        """stream → [epoch, next chunk]"""
        self.encoding: list[Any] = []

    def send(self, order: Any) -> None:
        if isinstance(order, ipc.Close):
            self.streams.pop(order.stream, None)
            return
        self.orders.append(ipc.decode_down(ipc.encode(order)))

    def kill(self, reason: str) -> None:
        if not self.gone:
            self.gone = True
            self.handler(self, Lost(reason))

    def leave(self) -> None:
        """Its node is to be drained."""
        if not self.gone:
            self.handler(self, Leaving("its node is drained"))

    def retire(self) -> None:
        self.gone = True

    async def quit(self, timeout_s: float) -> None: ...

    def say(self, message: Any) -> None:
        if not self.gone:
            self.handler(self, ipc.decode_up(ipc.encode(message)))

    def load(self, slots: int) -> None:
        if not self.loaded and not self.gone:
            self.loaded = True
            self.say(ipc.Loaded({"capabilities": {}}, slots, {"h264": "x", "jpeg": ""}, 0.05))

    def answer(self, how: str = "well", spent_ms: float = 50.0) -> None:
        """Carries out the oldest order: `well`, or it fails in one of the ways in which it can."""
        if not self.orders or self.gone:
            return
        order = self.orders.pop(0)
        match order:
            case ipc.Read():  # concurrent with everything else: it is no turn
                if how == "well":
                    self.say(ipc.WasRead(order.stream, order.epoch, order.texts))
                return
            case ipc.Open():
                self._open(order, how)
            case ipc.Rewind():
                stream = self.streams.get(order.stream)
                if stream is not None and how == "well":
                    stream[:] = [order.epoch, order.chunk + 1]
                self.say(ipc.Rewound(order.stream, order.epoch, stream is not None and how == "well"))
            case ipc.Step():
                self._step(order, how)
            case ipc.Probe():
                self.say(ipc.Outlined(order.stream, order.epoch, (), ""))
        if not self.gone:
            self.say(ipc.Done(spent_ms))

    def _open(self, order: ipc.Open, how: str) -> None:
        if how == "unread" and not order.anyway:
            self.say(ipc.Unread(order.stream, order.epoch, ("p",)))
            return
        if how not in ("well", "unread"):
            self.say(ipc.OpenFailed(order.stream, order.epoch, "no", how == "refused"))
            return
        chunk = int(order.snapshot.rsplit("-", 1)[1]) + 1 if order.snapshot else 0
        self.streams[order.stream] = [order.epoch, chunk]
        self.say(ipc.Opened(order.stream, order.epoch, chunk))

    def _step(self, order: ipc.Step, how: str) -> None:
        if how == "memory":
            names = tuple((item.stream, item.epoch) for item in order.items)
            self.say(ipc.StepFailed(names, "out of memory", True))
            return
        fitting = [item for item in order.items if self.streams.get(item.stream) == [item.epoch, item.chunk]]
        for item in order.items:
            if item not in fitting:
                self.say(ipc.StreamFailed(item.stream, item.epoch, item.chunk, "it does not stand there"))
        if how == "unread":
            for item in [each for each in fitting if not each.anyway]:
                self.say(ipc.Unread(item.stream, item.epoch, ("p",)))
                fitting.remove(item)
        elif how != "well":
            self.say(ipc.StepFailed(tuple((item.stream, item.epoch) for item in fitting), "no", False))
            return
        for item in fitting:
            self.streams[item.stream][1] += 1
            first = item.chunk * FRAMES
            made = (item.chunk, first, FRAMES, "p", item.replay_only)
            self.say(ipc.Made(item.stream, item.epoch, *made))
            if not item.replay_only:
                self.encoding.append(item)
            if item.save is not None:
                path = f"{item.stream}-{item.epoch}-{item.chunk}"
                self.say(ipc.Saved(item.stream, item.epoch, item.chunk, path))

    def encode(self, how: str = "well") -> None:
        """Encodes the oldest chunk that waits for it."""
        if not self.encoding or self.gone:
            return
        item = self.encoding.pop(0)
        if how != "well":
            self.say(ipc.StreamFailed(item.stream, item.epoch, item.chunk, "stuck", encoder=True))
            return
        for offset in range(FRAMES):
            frame = (item.chunk * FRAMES + offset, b"x", offset in item.keys, offset == FRAMES - 1)
            self.say(ipc.Encoded(item.stream, item.epoch, item.chunk, *frame, 1.0))


class PlayedJournal:
    """A journal whose disk may be full, or unreadable."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lines: list[Any] = []

    def __len__(self) -> int:
        return len(self.lines)

    def replace(self, first: int, lines: Any, epoch: int) -> int:
        assert first <= len(self.lines), "the log has a hole"
        if self._world.disk_full:
            raise NO_SPACE
        self.lines[first:] = lines
        return len(self.lines)

    def controls(self, chunk: int) -> Any:
        if self._world.disk_broken:
            raise OSError(5, "Input/output error")
        return self.lines[chunk]

    def truncate(self, chunks: int) -> None:
        if self._world.disk_broken:
            raise OSError(5, "Input/output error")
        del self.lines[chunks:]

    def close(self) -> None: ...


class PlayedStorage:
    """Threads that do what they are asked for soon, or, while the disk hangs, when they are told to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lanes: dict[str, deque[Any]] = {}

    def submit(
        self,
        lane: str,
        work: Callable[[], Any],
        done: Callable[[Any, Exception | None], None] | None = None,
        late: Callable[[], None] | None = None,
        always: bool = False,
    ) -> None:
        clock, jobs = self._world.clock, self.lanes.setdefault(lane, deque())
        timer = clock.call_at(clock.now + LATE_S, late) if late is not None else None
        jobs.append((work, done, timer))
        if not self._world.disk_hangs:
            clock.call_soon(self.answer, lane)

    def answer(self, lane: str) -> None:
        """The oldest thing of a lane is done."""
        if not self.lanes.get(lane):
            return
        work, done, timer = self.lanes[lane].popleft()
        if timer is not None:
            timer.cancel()
        result, failure = None, None
        try:
            result = work()
        except OSError as error:
            failure = error
        if done is not None:
            done(result, failure)

    def answer_all(self) -> None:
        """The disk is well again."""
        while busy := [lane for lane, jobs in self.lanes.items() if jobs]:
            for lane in busy:
                self.answer(lane)


class Client:
    """One person: what was heard, and the connection."""

    def __init__(self, live: SessionHost) -> None:
        self.live = live
        self.box: Outbox | None = None
        self.frames: list[int] = []
        self.done: list[SessionDone] = []
        self.closed = False
        self.errors = 0

    def read(self) -> None:
        """Takes everything out of the box."""
        if self.box is None:
            return
        while self.box._items:
            item = self.box._items.popleft()
            if isinstance(item, Media):
                self.box._media -= 1
                self.frames.append(item.packet.frame)
            elif isinstance(item, Closing):
                self.closed, self.box = True, None
                return
            elif isinstance(item, SessionDone):
                self.done.append(item)


class World:
    """A server without a process, a socket or a file."""

    def __init__(self, workers: int = 2, slots: int = 2, queue: int = 3, most: int = 0) -> None:
        self.clock = Clock()
        self.disk_full = self.disk_broken = self.disk_hangs = self.no_processes = False
        self.storage = PlayedStorage(self)
        self.slots = slots
        self.processes: list[PlayedWorker] = []
        self.clients: list[Client] = []
        self.lives: dict[str, SessionHost] = {}
        self._numbers = itertools.count()
        settings: Any = SimpleNamespace(
            queue_size=queue, workers=workers, most_workers=most, snapshot_chunks=2, model="m", seats=slots
        )
        store: Any = SimpleNamespace(
            snapshot=lambda id, epoch, chunk: f"{id}-{epoch}-{chunk}",
            unlink=lambda path: None,
            drop_snapshots=lambda id: None,
            tidy_snapshots=lambda id, kept, before_epoch: None,
        )
        repository: Any = SimpleNamespace(
            saving=lambda live, stops=False: self._save,
            ending=lambda live: self._save,
            give_up=lambda id: None,
            logging=self._logging,
        )
        storage: Any = self.storage
        snapshots, metrics = SnapshotFiles(store, storage), METRICS
        self.driver = Driver(self.lives, metrics, snapshots, repository, storage, self.clock.time)
        self.dispatcher = Dispatcher(
            "m", settings, self.lives, metrics, snapshots, self.driver.handle, self._spawn
        )
        self.driver.dispatchers = Dispatchers({"m": self.dispatcher}, self.lives, 900.0)
        self.dispatcher.start(self.clock)

    def _save(self) -> None:
        if self.disk_full:
            raise NO_SPACE

    @staticmethod
    def _logging(live: SessionHost, first: int, lines: Any) -> Callable[[], Logged]:
        epoch = live.session.epoch
        return lambda: Logged(live.journal.replace(first, lines, epoch), None)

    def _spawn(self, name: str, handler: Callable[[Any, Any], None]) -> PlayedWorker:
        if self.no_processes:
            raise OSError(24, "Too many open files")
        self.processes.append(PlayedWorker(name, handler))
        return self.processes[-1]

    @property
    def alive(self) -> list[PlayedWorker]:
        return [process for process in self.processes if not process.gone]

    # ---- clients

    def begin(self, paused: bool, account: str = "") -> Client:
        number = next(self._numbers)
        id = f"s{number}"
        settings = StreamSettings("m", (("p", 1.0),), 64, 64, FPS)
        codecs = (Codec.H264, Codec.JPEG)
        session = Session(id, settings, FRAMES, codecs, 0.05, Terms(60, 30, 600), paused)
        meta = SessionRecord.model_construct(
            id=id, owner=account or f"key-{number % 2}", token_hash="", model="m", start=START, width=64, height=64, fps=FPS,
            chunk_frames=FRAMES, codec=Codec.H264, codec_string="", created=0.0, first_frame=0, frames=0,
        )  # fmt: skip
        journal: Any = PlayedJournal(self)
        live = self.lives[id] = SessionHost(meta, session, journal, None, METRICS)
        client = Client(live)
        self.clients.append(client)
        self.attach(client, -1)
        return client

    def attach(self, client: Client, last_frame: int) -> None:
        live = client.live
        client.box = live.make_outbox(64, lambda: self.driver.handle(live, on.KeyWanted()))
        client.closed = False
        live.attach(client.box)
        self.driver.handle(live, on.Attached(last_frame + 1))

    def leave(self, client: Client) -> None:
        box, client.box = client.box, None
        if box is not None and client.live.detach(box):
            self.driver.handle(client.live, on.Detached())

    def come_back(self, client: Client) -> None:
        last = client.frames[-1] if client.frames else -1
        made = client.live.session.upcoming * FRAMES
        self.attach(client, min(last, made - 1))

    def ask(self, client: Client, event: Any) -> None:
        try:
            self.driver.ask(client.live, event)
        except ProtocolError:
            client.errors += 1

    # ---- time, and what must hold

    def run(self, seconds: float) -> None:
        """Time passes, and sessions are told."""
        self.clock.advance(seconds)
        for live in list(self.lives.values()):
            self.driver.handle(live, on.Tick(self.dispatcher.admission.short))
        self.dispatcher.scaling.adjust(self.clock.time())
        self.clock.advance(0.0)

    def check(self) -> None:
        """What holds after every event."""
        slots = self.dispatcher.slots
        seated = {id for id, live in self.lives.items() if live.session.seated}
        assert set(slots.holders) == seated, "who has a slot and who is seated differ"
        alive = {process.name for process in self.alive if process.loaded}
        assert set(slots.holders.values()) <= alive, "a slot of a worker that is gone is held"
        for name, capacity in slots.capacity.items():
            assert slots.used(name) <= capacity, "a slot is held twice"
        waiting = {id for id, live in self.lives.items() if live.session.phase is Phase.WAITING}
        assert set(slots.queue) <= waiting and len(set(slots.queue)) == len(slots.queue)
        assert self.dispatcher.turns.sent, "an order was not sent"
        for client in self.clients:
            client.read()
            session = client.live.session
            if session.phase is Phase.DONE:
                assert client.live.id not in self.lives and client.live.closed
                assert client.box is None, "its client still waits"
            else:
                assert client.live.id in self.lives

    def recover(self) -> None:
        """The world is well again: every session goes on, or has said that it is over."""
        self.disk_full = self.disk_broken = self.disk_hangs = self.no_processes = False
        self.storage.answer_all()
        for client in self._living():
            if client.closed:
                self.leave_quietly(client)
            if client.box is None and client in self._living():
                self.come_back(client)
        while living := self._living():  # those who wait get their turn when others have ended
            living.sort(key=lambda client: not client.live.session.seated)
            self._see_through(living[: self.slots])
        self.clock.advance(1.0)
        self.check()
        slots = self.dispatcher.slots
        assert not self.lives and not slots.holders and not slots.queue, "a slot leaked"

    def _living(self) -> list[Client]:
        return [client for client in self.clients if client.live.session.phase is not Phase.DONE]

    def _see_through(self, some: list[Client]) -> None:
        """Waits until each of them has moved, then has them stop."""
        before = {id(client): len(client.frames) for client in some}
        for client in some:
            if client.live.session.pace.paused:
                self.ask(client, on.ResumeAsked())
        for _ in range(120):
            if all(self._moved(client, before[id(client)]) for client in some):
                break
            self._one_round()
        for client in some:
            assert self._moved(client, before[id(client)]), f"{client.live.id} is stuck"
            self.ask(client, on.EndAsked("stopped"))
            client.read()
            assert client.done, f"{client.live.id} heard no ending"
            self._check_log(client.live)

    def _check_log(self, live: SessionHost) -> None:
        """What was shown is in the log, when all is written."""
        self.clock.advance(0.0)
        assert len(live.journal) >= live.session.output.chunks, "the log is short"

    def leave_quietly(self, client: Client) -> None:
        live = client.live
        if live.outbox is not None and live.outbox.closed:
            live.detach(live.outbox)
            self.driver.handle(live, on.Detached())

    @staticmethod
    def _moved(client: Client, before: int) -> bool:
        client.read()
        return len(client.frames) > before or client.live.session.phase is Phase.DONE

    def _one_round(self) -> None:
        self.run(0.5)
        for process in self.alive:
            process.load(self.slots)
            for _ in range(4):
                process.answer()
                process.encode()
        for client in self.clients:
            client.read()
            if client.closed and client.live.session.phase is not Phase.DONE:  # its codec was replaced
                self.leave_quietly(client)
                self.come_back(client)
            elif client.box is not None:
                self.driver.handle(client.live, on.Reported(client.live.session.output.pts))


METRICS = Metrics()
START = StartFields()
