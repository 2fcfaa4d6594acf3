"""What each message of a client does to its session."""

from __future__ import annotations

import logging
import time

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import (
    CONTROL_TYPES,
    ClientMessage,
    ControlQueued,
    Error,
    KeyFrame,
    Ping,
    Playhead,
    Pong,
    Probe,
    SessionPause,
    SessionPaused,
    SessionReset,
    SessionRestarted,
    SessionResume,
    SessionResumed,
    SessionRewind,
    SessionRewound,
    SessionStart,
    SessionStep,
    SessionStop,
    SourceBegin,
    SourceEnd,
    parse_client_message,
)
from server.delivery.delivery import Outbox
from server.sessions.live import Live
from server.sessions.service import Service
from server.sessions.session_parts import Phase

log = logging.getLogger(__name__)


class Commands:
    """Carries out the messages of one connection."""

    def __init__(self, service: Service, live: Live, outbox: Outbox) -> None:
        self._service = service
        self._live = live
        self._outbox = outbox
        self._unknown: set[str] = set()

    def handle(self, text: str | None) -> None:
        """One message (None: a binary one). Whatever is wrong with it is answered by an `error`."""
        live = self._live
        if live.session.phase is Phase.DONE or live.outbox is not self._outbox:
            return
        try:
            if text is None:
                raise ProtocolError(
                    ErrorCode.BINARY_NOT_ALLOWED, "a binary message: clients send JSON text only"
                )
            message, ignored = parse_client_message(text)
            self._log_ignored(message.type, ignored)
            self._carry_out(message)
        except ProtocolError as error:
            say_error(self._outbox, self._service, error)
            return
        if live.worker is not None:
            self._service.dispatcher.kick(live.worker)

    def _log_ignored(self, kind: str, ignored: tuple[str, ...]) -> None:
        for path in ignored[:8]:
            if path not in self._unknown and len(self._unknown) < 64:
                self._unknown.add(path)
                log.warning("unknown field %r of %s was ignored", path, kind)

    def _carry_out(self, message: ClientMessage) -> None:
        live, session = self._live, self._live.session
        match message:
            case Playhead():
                session.pacer.report(message.pts, time.monotonic())
            case Ping():
                live.say(Pong(sent_us=message.sent_us))
            case KeyFrame():
                session.want_key = True
            case SessionPause():
                session.pause()
                live.say_all(SessionPaused(id=message.id, chunk=session.upcoming))
            case SessionResume():
                session.resume()
                live.say_all(SessionResumed(id=message.id, chunk=session.upcoming))
            case SessionStep():
                session.step(message.chunks, message.id)
            case SessionRewind():
                self._rewind(message)
            case SessionReset():
                live.cut(0)
                if message.seed is not None:
                    session.reseed(message.seed)
                self._service.save(live)
                live.say_all(SessionRestarted(id=message.id))
                self._service.dispatcher.reopen(live)
            case SessionStop():
                self._service.end(live, "stopped", CloseCode.DONE, message.id)
            case SessionStart():
                text = "the session has started already: open another connection for another session"
                raise ProtocolError(ErrorCode.ALREADY_STARTED, text, id=message.id)
            case _:
                self._steer(message)

    def _steer(self, message: ClientMessage) -> None:
        if isinstance(message, Probe | SourceBegin | SourceEnd):
            needed = "probe" if isinstance(message, Probe) else "source"
            text = f"this model cannot do {needed}"
            raise ProtocolError(ErrorCode.UNSUPPORTED, text, field="type", id=message.id)
        assert isinstance(message, CONTROL_TYPES)
        chunk = self._live.session.accept(message, self._service.capabilities, time.monotonic())
        if message.id is not None:
            self._live.say(ControlQueued(id=message.id, chunk=chunk))

    def _rewind(self, message: SessionRewind) -> None:
        live, session = self._live, self._live.session
        if not self._service.capabilities.get("rewind"):
            raise ProtocolError(
                ErrorCode.UNSUPPORTED, "this model cannot go back", field="type", id=message.id
            )
        session.check_made(message.chunk, message.id)
        live.cut(message.chunk + 1)
        live.say_all(SessionRewound(id=message.id, chunk=message.chunk))
        self._service.dispatcher.rewind(live)


class ViewerCommands:
    """A viewer may ask for the time, nothing else."""

    def __init__(self, service: Service, outbox: Outbox) -> None:
        self._service = service
        self._outbox = outbox

    def handle(self, text: str | None) -> None:
        """Answers `ping`; everything else is refused."""
        try:
            if text is None:
                raise ProtocolError(
                    ErrorCode.BINARY_NOT_ALLOWED, "a binary message: clients send JSON text only"
                )
            message = parse_client_message(text).message
            if not isinstance(message, Ping):
                id = getattr(message, "id", None)
                raise ProtocolError(ErrorCode.READ_ONLY, "viewers cannot control the session", id=id)
        except ProtocolError as error:
            say_error(self._outbox, self._service, error)
            return
        self._outbox.say(Pong(sent_us=message.sent_us))


def say_error(outbox: Outbox, service: Service, error: ProtocolError) -> None:
    """Answers a bad message."""
    service.metrics.errors.labels(error.code).inc()
    retryable = error.code is ErrorCode.RATE_LIMITED
    outbox.say(
        Error(code=error.code, message=error.message, id=error.id, field=error.field, retryable=retryable)
    )
