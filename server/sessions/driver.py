"""Carries out what sessions ask for. An effect that fails goes back to its session, and harms no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import ChunkDone, SessionDone
from flowbrush.server.engine.dispatchers import Dispatchers
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions import machine
from flowbrush.server.sessions.refused import reason
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.sessions.track_history import there_after
from flowbrush.server.store.journal import track_changes
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.snapshot_files import SnapshotFiles
from flowbrush.server.store.storage import Storage, StorageLate

log = logging.getLogger(__name__)

EXPECTED_FAILURES = (OSError, LookupError, ValueError)
"""What effects fail with in a healthy program: a full disk, a full queue, what is no longer kept, a broken line."""


class Driver:
    """Runs in the event loop. `handle` is the one way to change a session."""

    def __init__(
        self,
        lives: dict[str, SessionHost],
        metrics: Metrics,
        snapshots: SnapshotFiles,
        repository: SessionRepository,
        storage: Storage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lives = lives
        self._metrics = metrics
        self._snapshots = snapshots
        self._repository = repository
        self._storage = storage
        self._clock = clock
        self.ended: Callable[[SessionHost, str], None] = lambda live, reason: None
        """told of each session that ends, and why"""
        self.dispatchers: Dispatchers
        """set right after they were made: they and the driver need each other"""

    def handle(self, live: SessionHost, event: Any) -> None:
        """Tells a session what happened, and does what follows. A fault ends this session alone."""
        try:
            self.ask(live, event)
        except ProtocolError:
            log.exception("%s was refused", type(event).__name__, extra={"session": live.id})

    def ask(self, live: SessionHost, event: Any) -> None:
        """As `handle`, for what a client asks: raises ProtocolError where that cannot be."""
        try:
            effects = machine.handle(live.session, event, self._clock())
        except ProtocolError:
            raise
        except Exception:
            log.exception(
                "the session failed at %s and ends", type(event).__name__, extra={"session": live.id}
            )
            self._end_broken(live)
            return
        for effect in effects:
            self._carry_out(live, effect)
        self.dispatchers.of(live).turns.touch(live)

    def _carry_out(self, live: SessionHost, effect: Any) -> None:
        try:
            _CARRY_OUT[type(effect)](self, live, effect)
        except Exception as error:
            self._failed(live, effect, error)

    def _failed(self, live: SessionHost, effect: Any, error: Exception) -> None:
        if isinstance(effect, do.CatchUp) and isinstance(error, LookupError):
            # An answer and no failure: after a restart, and from another gateway, nothing is kept.
            log.info("%s, and is made again", error, extra={"session": live.id})
            self.handle(live, on.Failed(effect, error))
            return
        name = type(effect).__name__
        unexpected = None if isinstance(error, EXPECTED_FAILURES) else error
        log.log(
            logging.ERROR if unexpected else logging.WARNING,
            "%s failed: %s",
            name,
            error,
            exc_info=unexpected,
            extra={"session": live.id},
        )
        self._metrics.effect_failures.labels(name).inc()
        if not isinstance(effect, do.End | do.Close):
            self.handle(live, on.Failed(effect, error))

    def _store_later(
        self,
        live: SessionHost,
        effect: Any,
        work: Callable[[], Any],
        done: Callable[[Any], None] | None = None,
        late: Callable[[], None] | None = None,
    ) -> None:
        """Has `work` done with the session's files, after what was asked of them before; a failure is the effect's."""

        def answer(result: Any, error: Exception | None) -> None:
            if error is not None:
                self._failed(live, effect, error)
            elif done is not None:
                done(result)

        self._storage.submit(live.id, work, answer, late)

    def _end_broken(self, live: SessionHost) -> None:
        """The machine itself is at fault: the session ends all the same."""
        ending = on.EndAsked(
            "internal",
            CloseCode.INTERNAL,
            error=(ErrorCode.INTERNAL, "the server made a mistake; the session ends"),
        )
        try:
            effects = machine.handle(live.session, ending, self._clock())
        except Exception:
            log.exception("the session could not even end", extra={"session": live.id})
            effects = [do.End(CloseCode.INTERNAL, "internal")]
        for effect in effects:
            self._carry_out(live, effect)

    # ---- effects

    def _say(self, live: SessionHost, effect: do.Say) -> None:
        message = effect.message
        if isinstance(message, SessionDone) and live.recording is not None:
            message = message.model_copy(update={"recording": f"/v1/sessions/{live.id}/recording.mp4"})
        if isinstance(message, ChunkDone) and live.video.source is not None:
            dropped = live.video.source.count_dropped()
            self._metrics.drops.labels("source").inc(dropped)
            message = message.model_copy(update={"source_dropped": dropped})
        live.say(message, effect.all)

    def _say_ready(self, live: SessionHost, effect: do.SayReady) -> None:
        facts = self.dispatchers.of(live).facts
        live.say(live.ready_message({} if facts is None else facts.card, effect.id))

    def _show(self, live: SessionHost, effect: do.Show) -> None:
        live.show(effect)

    def _append(self, live: SessionHost, effect: do.Append) -> None:
        self._store_later(
            live,
            effect,
            self._repository.logging(live, effect.first, effect.lines),
            lambda logged: self.handle(live, on.Written(*logged)),
            lambda: self._log_late(live),
        )

    def _log_late(self, live: SessionHost) -> None:
        log.warning("the disk does not answer: its log is kept in memory", extra={"session": live.id})
        self.handle(live, on.LogLate())

    def _fetch(self, live: SessionHost, effect: do.Fetch) -> None:
        late = StorageLate("the disk does not answer")
        self._store_later(
            live,
            effect,
            lambda: live.journal.controls(effect.chunk),
            lambda controls: self.handle(live, on.Fetched(effect.chunk, effect.epoch, controls)),
            lambda: self._failed(live, effect, late),
        )

    def _recall(self, live: SessionHost, effect: do.Recall) -> None:
        begun, chunk_s, path = live.session.settings.tracks, live.session.chunk_s, live.journal.path

        def read() -> Any:
            return there_after(effect.chunks, chunk_s, begun, track_changes(path, effect.chunks))

        def answer(there: Any, error: Exception | None) -> None:
            if error is None:
                self.handle(live, on.Recalled(effect, there))
            else:
                self._failed(live, effect, error)

        # a lane of its own: it may take seconds, in which the log is written on
        self._storage.submit(f"{live.id} recall", read, answer)

    def _cut_files(self, live: SessionHost, effect: do.CutFiles) -> None:
        live.cut(effect.chunks)
        self._store_later(live, effect, lambda: live.cut_files(effect.chunks))

    def _record(self, live: SessionHost, effect: do.Record) -> None:
        recording = live.recording
        if recording is None or recording.full or live.closed:
            return
        samples = list(effect.samples)
        try:
            self._storage.submit(
                live.id,
                lambda: recording.put(effect.chunk, effect.first_frame, samples),
                lambda written, error: self._recorded(live, written, error),
            )
        except StorageLate as error:
            self._recorded(live, False, error)

    def _recorded(self, live: SessionHost, written: bool, error: Exception | None) -> None:
        if written or live.closed or live.recording_over:
            return
        why = (
            "it has reached its largest size, or all of them together theirs"
            if error is None
            else f"it could not be written: {reason(error)}"
        )
        live.stop_recording()
        log.warning("recording stopped: %s", why, extra={"session": live.id})
        self.handle(live, on.RecordingStopped(why))

    def _unlink(self, live: SessionHost, effect: do.Unlink) -> None:
        self._snapshots.remove(live.id, effect.paths)

    def _queue(self, live: SessionHost, effect: do.Queue) -> None:
        self.dispatchers.of(live).join(live, effect.first)

    def _replace_codec(self, live: SessionHost, effect: do.ReplaceCodec) -> None:
        facts = self.dispatchers.of(live).facts
        strings = {} if facts is None else facts.codecs
        live.meta.codec, live.meta.codec_string = effect.codec, strings.get(effect.codec, "")
        log.warning("its codec is %s from here on", effect.codec, extra={"session": live.id})
        self._save(live, do.SaveSettings())
        if live.recording is not None and not live.recording.full:
            live.stop_recording()
            self.handle(live, on.RecordingStopped(f"the stream is encoded as {effect.codec} from here on"))
        for outbox in live.connections():
            outbox.forget_media()
            outbox.close(CloseCode.GOING_AWAY, "the stream goes on in another codec: resume")

    def _count(self, live: SessionHost, effect: do.Count) -> None:
        figure = getattr(self._metrics, effect.name)
        figure = figure if effect.label is None else figure.labels(effect.label)
        (figure.inc if hasattr(figure, "inc") else figure.observe)(effect.value)

    def _part(self, live: SessionHost, effect: do.Part) -> None:
        if live.outbox is not None:
            live.outbox.close(effect.code, effect.reason)

    def _end(self, live: SessionHost, effect: do.End) -> None:
        """Every step is tried, whatever became of the one before."""
        self._lives.pop(live.id, None)
        live.meta.ended = effect.reason
        last = partial(self._storage.submit, live.id, always=True)
        steps: list[Callable[[], Any]] = [
            lambda: self.dispatchers.of(live).release(live),
            lambda: self._close(live, do.Close(effect.code, effect.reason)),
            lambda: last(self._repository.ending(live)),
            lambda: self._snapshots.drop(live.id),
            lambda: last(lambda: self._repository.give_up(live.id)),
            lambda: self._metrics.sessions.labels(effect.reason).inc(),
            lambda: self.ended(live, effect.reason),
        ]
        for step in steps:
            try:
                step()
            except Exception:
                log.exception("a part of the session could not be ended", extra={"session": live.id})
        log.info(
            "ended: %s after %d frames", effect.reason, live.session.output.frame, extra={"session": live.id}
        )

    def _save(self, live: SessionHost, effect: do.SaveSettings) -> None:
        self._store_later(live, effect, self._repository.saving(live, effect.stops))

    def _close(self, live: SessionHost, effect: do.Close) -> None:
        live.close(effect.code, effect.reason)
        self._storage.submit(live.id, live.close_files, always=True)


_CARRY_OUT: dict[type, Callable[[Driver, SessionHost, Any], Any]] = {
    do.Say: Driver._say,
    do.SayReady: Driver._say_ready,
    do.Show: Driver._show,
    do.ShowJpeg: lambda driver, live, effect: live.show_jpeg(effect.picture),
    do.CatchUp: lambda driver, live, effect: live.catch_up(effect.frame),
    do.ForgetSent: lambda driver, live, effect: live.forget_sent(effect.boxes),
    do.Append: Driver._append,
    do.Fetch: Driver._fetch,
    do.Recall: Driver._recall,
    do.CutFiles: Driver._cut_files,
    do.Record: Driver._record,
    do.SaveSettings: lambda driver, live, effect: driver._save(live, effect),
    do.Unlink: Driver._unlink,
    do.Tidy: lambda driver, live, effect: driver._snapshots.tidy(live.id, effect.kept, effect.epoch),
    do.Order: lambda driver, live, effect: driver.dispatchers.of(live).turns.order(effect.order),
    do.Read: lambda driver, live, effect: driver.dispatchers.of(live).read(live, effect.texts),
    do.Queue: Driver._queue,
    do.Leave: lambda driver, live, effect: driver.dispatchers.of(live).release(live),
    do.ReplaceCodec: Driver._replace_codec,
    do.Count: Driver._count,
    do.Part: Driver._part,
    do.Close: Driver._close,
    do.End: Driver._end,
}
