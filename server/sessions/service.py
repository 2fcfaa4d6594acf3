"""The running server: begins, resumes, branches and ends sessions, and looks after those nobody looks at."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import Codec, Error, SessionDone, SessionPaused, SessionReady, SessionStart
from flowbrush.session_file import SessionFile
from server.delivery.delivery import Outbox
from server.engine import ipc
from server.engine.dispatcher import Dispatcher
from server.metrics import Metrics
from server.sessions.live import RESUMED_FRAMES, WATCHER_FRAMES, Live
from server.sessions.session_parts import Phase
from server.settings import MIB, Settings
from server.store.archive import Archive, new_id, new_meta
from server.store.images import ImageStore
from server.store.store import Store, hash_token

log = logging.getLogger(__name__)

HOUSEKEEPING_S = 0.5
CLEAN_S = 600.0
RESTART_GRACE_S = 600.0
"""Sessions that were alive so long before a start of the server can be resumed after it."""


class Refused(Exception):
    """A session is not begun: what to say, and how to close."""

    def __init__(self, code: ErrorCode, message: str, close: CloseCode, retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.close, self.retryable = code, message, close, retryable


class Service:
    """Everything behind the sockets. Runs in the event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.lives: dict[str, Live] = {}
        self.store = Store(settings.state_dir, settings.snapshots_dir)
        self.images = ImageStore(
            settings.state_dir / "images", settings.image_mib * MIB, settings.image_megapixels * 1e6
        )
        self.dispatcher = Dispatcher(
            settings, self.lives, self.metrics, self.store, self._fail, self._on_opened
        )
        self._storage = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._archive = Archive(settings, self.store, self._storage, self.metrics)
        self._tasks: list[asyncio.Task[None]] = []
        self.stopping = False

    # ---- life of the server

    async def start(self) -> None:
        """Starts the workers and takes up the sessions of an earlier process."""
        self._take_up_stored()
        self.dispatcher.start()
        self._tasks = [asyncio.create_task(self._housekeeping()), asyncio.create_task(self._cleaning())]

    async def say_goodbye(self, timeout_s: float) -> None:
        """Tells every session that the server stops, keeps what is needed to resume it, closes its files."""
        if self.stopping:
            return
        self.stopping = True
        for live in self.lives.values():
            live.session.seal()
            self._archive.save(live)
            live.close(CloseCode.GOING_AWAY, "the server stops; resume when it is back")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(*(live.gone.wait() for live in self.lives.values()))

    async def stop(self) -> None:
        """Ends everything; sessions can be resumed by the next process."""
        for task in self._tasks:
            task.cancel()
        await self.say_goodbye(self.settings.drain_s)
        await self.dispatcher.stop(self.settings.drain_s)
        await asyncio.to_thread(self._storage.shutdown)
        self.store.close()

    @property
    def ready(self) -> bool:
        """Whether a worker is warm and a seat can be had."""
        return not self.stopping and self.dispatcher.seats.free > len(self.dispatcher.seats.queue)

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the model can do; nothing before it is loaded."""
        facts = self.dispatcher.facts
        return {} if facts is None else facts.card["capabilities"]

    async def wait_loaded(self) -> ipc.Loaded:
        """Waits for the first worker, says what it has; raises Refused when there will be none."""
        if self.dispatcher.broken is not None:
            text = f"the model cannot be loaded: {self.dispatcher.broken}"
            raise Refused(ErrorCode.INTERNAL, text, CloseCode.INTERNAL)
        if self.stopping:
            raise Refused(ErrorCode.BUSY, "the server stops", CloseCode.TRY_LATER, retryable=True)
        await self.dispatcher.loaded.wait()
        assert self.dispatcher.facts is not None
        return self.dispatcher.facts

    def _take_up_stored(self) -> None:
        """Sessions that lived until the last process ended wait for their clients again."""
        now = time.time()
        for meta in self.store.all():
            if meta.ended is None and now - self.store.touched(meta.id) < RESTART_GRACE_S:
                try:
                    self.lives[meta.id] = self._archive.revive(meta)
                except (OSError, ValueError, KeyError):
                    log.exception("the stored session cannot be taken up", extra={"session": meta.id})
            elif meta.ended is None:
                self.store.write(meta.model_copy(update={"ended": "expired"}))
                self.store.drop_snapshots(meta.id)
        if self.lives:
            log.info("%d sessions of before can be resumed", len(self.lives))

    # ---- sessions

    async def begin(self, start: SessionStart, asked: float, owner: str = "") -> Live:
        """A new session of the key `owner`, waiting for a seat; raises Refused. The caller attaches, then calls `seat`."""
        facts = await self.wait_loaded()
        if start.model != self.settings.model:
            raise Refused(
                ErrorCode.UNKNOWN_MODEL,
                f"model {start.model!r} is not served here: this server has {self.settings.model}",
                CloseCode.BAD_START,
            )
        given = {"image": start.image, "source": start.source}
        wanted = [name for name, value in given.items() if value is not None]
        for name in (*(track.kind for track in start.tracks), *wanted):
            if not self.capabilities.get(name):
                raise Refused(ErrorCode.UNSUPPORTED, f"this model cannot do {name}", CloseCode.BAD_START)
        image = None
        if start.image is not None:
            image = self.images.path(start.image, owner)
            if image is None:
                text = f"there is no image {start.image!r}: upload it with POST /v1/images"
                raise Refused(ErrorCode.UNKNOWN_IMAGE, text, CloseCode.BAD_START)
        meta, token = new_meta(start, self._codec_for(start), facts, owner)
        try:
            self.store.write(meta)
            if image is not None:
                await asyncio.to_thread(shutil.copyfile, image, self.store.image(meta.id))
            live = self.lives[meta.id] = self._archive.open(meta, facts.chunk_s)
        except OSError as error:
            text = f"the session's files cannot be written: {error}"
            raise Refused(ErrorCode.INTERNAL, text, CloseCode.INTERNAL) from error
        if not self.dispatcher.seats.join(meta.id):
            self.end(live, "busy")
            await asyncio.to_thread(self.store.remove, live.id)
            raise self._busy()
        live.session.paused = start.paused
        live.token, live.start_asked, live.ready_id = token, asked, start.id
        return live

    def resume(self, token: str, last_frame: int, codecs: tuple[Codec, ...]) -> Live:
        """The session that a token stands for; raises Refused. The caller attaches, then calls `resumed`."""
        hashed = hash_token(token)
        live = next((each for each in self.lives.values() if each.meta.token_hash == hashed), None)
        if live is None:
            text = "this session has ended or was away for too long: start a new one"
            raise Refused(ErrorCode.RESUME_EXPIRED, text, CloseCode.BAD_START)
        if live.session.codec not in codecs:
            text = f"the session's codec is {live.session.codec}, which is not among those named"
            raise Refused(ErrorCode.NO_CODEC, text, CloseCode.BAD_START)
        made = len(live.session.journal) * live.session.chunk_frames
        if last_frame >= max(made, live.meta.first_frame):
            text = f"last_frame {last_frame} was never sent: the last one is {made - 1}"
            raise Refused(ErrorCode.OUT_OF_RANGE, text, CloseCode.BAD_START)
        live.token = token
        return live

    def resumed(self, live: Live, last_frame: int) -> None:
        """Sends a client that is attached again what it missed, or has it made again."""
        session = live.session
        frame = max(last_frame + 1, live.meta.first_frame)
        seated = live.worker is not None
        if seated and session.phase in (Phase.READY, Phase.STEPPING):
            self._say_ready(live)
        if live.caught_up(frame):
            session.pacer.restart(frame / session.settings.fps)
        else:
            live.redo_from(frame)
            if seated:
                session.unseat()
                self.dispatcher.reopen(live)
        if not seated and not self.dispatcher.seats.join(live.id):
            raise self._busy()

    def seat(self, live: Live) -> None:
        """Gives the session its seat, now or when one is free."""
        self.dispatcher.give_seats()
        if live.worker is not None:
            self.dispatcher.kick(live.worker)

    def _busy(self) -> Refused:
        text = f"all seats are taken and {self.settings.queue_size} wait already: try again later"
        return Refused(ErrorCode.BUSY, text, CloseCode.TRY_LATER, retryable=True)

    def branch(self, id: str, chunk: int) -> tuple[str, str, int]:
        """A new session that goes on from the end of `chunk`: (its id, resume token, last frame).

        It takes a seat when it is resumed. Raises ProtocolError when there is no such session or chunk.
        """
        parent = self.lives.get(id)
        if parent is None:
            raise ProtocolError(ErrorCode.UNKNOWN_SESSION, f"no running session {id!r}", field="id")
        session = parent.session
        session.check_made(chunk)
        token, new = secrets.token_urlsafe(24), new_id()
        frame = (chunk + 1) * session.chunk_frames
        meta = parent.meta.model_copy(
            update={"id": new, "token_hash": hash_token(token), "created": time.time(), "first_frame": frame}
        )
        self.store.write(meta)
        session.journal.copy_to(self.store.journal(new), chunk + 1)
        if self.store.image(id).exists():
            shutil.copyfile(self.store.image(id), self.store.image(new))
        for saved, path in session.snapshots.items():
            if saved <= chunk:
                self.store.link_snapshot(path, new, saved)
        self.lives[new] = self._archive.revive(meta)
        return new, token, frame - 1

    def end(self, live: Live, reason: str, code: int = CloseCode.DONE, id: int | None = None) -> None:
        """The session is over: everybody is told, files are closed, its seat is free."""
        if live.session.phase is Phase.DONE:
            return
        live.session.enter(Phase.DONE)
        live.say_all(
            SessionDone(
                id=id,
                chunks=live.session.frame // live.session.chunk_frames,
                frames=live.session.frame,
                reason=reason,
                recording=f"/v1/sessions/{live.id}/recording.mp4" if live.recording is not None else None,
                log=f"/v1/sessions/{live.id}/log",
            )
        )
        live.meta.ended = reason
        self._archive.save(live)
        live.close(code, reason)
        del self.lives[live.id]
        self.dispatcher.release(live)
        self._storage.submit(self.store.drop_snapshots, live.id)
        self.metrics.sessions.labels(reason).inc()
        log.info("ended: %s after %d frames", reason, live.session.frame, extra={"session": live.id})

    def watch(self, live: Live) -> Outbox:
        """A viewer's outbox, which begins with `session.ready`, says when it is paused, then has a key frame."""
        outbox = live.make_outbox(WATCHER_FRAMES)
        outbox.say(self._ready_message(live, for_viewer=True))
        if live.session.paused:
            outbox.say(SessionPaused(chunk=live.session.upcoming))
        outbox.waits_for_key = True
        live.session.want_key = True
        live.viewers.add(outbox)
        self.metrics.viewers.inc()
        return outbox

    def unwatch(self, live: Live, outbox: Outbox) -> None:
        """The viewer is gone."""
        live.viewers.discard(outbox)
        self.metrics.viewers.dec()

    def outbox(self, live: Live) -> Outbox:
        """The outbox of the session's own client, attached."""
        outbox = live.make_outbox(RESUMED_FRAMES)
        live.attach(outbox)
        return outbox

    # ---- parts

    def session_file(self, id: str) -> SessionFile | None:
        """The session file of a running or an ended session. Blocks for reading the journal."""
        live = self.lives.get(id)
        return self._archive.session_file(id, None if live is None else live.session.frame)

    def save(self, live: Live) -> None:
        """Keeps the session's settings on disk as they are now."""
        self._archive.save(live)

    def _codec_for(self, start: SessionStart) -> Codec:
        codecs = self.dispatcher.facts.codecs if self.dispatcher.facts is not None else {}
        for codec in start.known_codecs:
            if codec in codecs:
                return codec
        text = f"none of {', '.join(start.codecs)} can be encoded here: there are {', '.join(codecs)}"
        raise Refused(ErrorCode.NO_CODEC, text, CloseCode.BAD_START)

    def _ready_message(self, live: Live, for_viewer: bool = False) -> SessionReady:
        card = self.dispatcher.facts.card if self.dispatcher.facts is not None else {}
        return live.ready_message(card, for_viewer)

    def _on_opened(self, live: Live) -> None:
        self._say_ready(live)

    def _say_ready(self, live: Live) -> None:
        if not live.ready_said and live.outbox is not None:
            live.ready_said = True
            live.say(self._ready_message(live))
            live.ready_id = None

    def _fail(self, live: Live, code: ErrorCode, message: str) -> None:
        self.metrics.errors.labels(code).inc()
        live.say(Error(code=code, message=message))
        bad_start = code is ErrorCode.INVALID_VALUE
        self.end(live, str(code), CloseCode.BAD_START if bad_start else CloseCode.INTERNAL)

    async def _housekeeping(self) -> None:
        """Ends sessions whose client did not come back; gives their seats to those who wait."""
        await self.dispatcher.loaded.wait()
        for live in self.lives.values():  # those of before a restart can be resumed from now on
            live.detached_at = time.monotonic() if live.detached_at is not None else None
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            now = time.monotonic()
            for live in list(self.lives.values()):
                if live.detached_at is None:
                    continue
                if now - live.detached_at > self.settings.resume_s:
                    self.end(live, "expired")
                elif self.dispatcher.seats.queue and live.worker is not None:
                    log.info("its seat goes to one who waits", extra={"session": live.id})
                    live.session.unseat()
                    self.dispatcher.release(live)

    async def _cleaning(self) -> None:
        """Keeps the folder of old sessions and images within its bounds."""
        while True:
            await asyncio.sleep(CLEAN_S)
            keep_s = self.settings.keep_hours * 3600
            living = set(self.lives)
            await asyncio.to_thread(self.store.clean, keep_s, self.settings.disk_mib * MIB, living)
            await asyncio.to_thread(self.images.clean, time.time() - keep_s)
