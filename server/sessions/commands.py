"""What each message of a client does to its session."""

from __future__ import annotations

import logging
import time
from typing import Any

from flowbrush.controls import Touches
from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.packets import unpack
from flowbrush.parse import type_of
from flowbrush.protocol import (
    CONTROL_TYPES,
    ClientMessage,
    KeyFrame,
    Ping,
    Playhead,
    Pong,
    Probe,
    SessionPause,
    SessionReset,
    SessionResume,
    SessionRewind,
    SessionStart,
    SessionStep,
    SessionStop,
    SourceBegin,
    SourceEnd,
    parse_client_message,
)
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.refused import answer_to
from flowbrush.server.sessions.service import Service
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.source import tracking

log = logging.getLogger(__name__)


REFUSED_S, JUMP_S = 0.002, 0.01
"""What a message that is refused, and one after which the stream is made from another place, costs more than the time that it
takes here: an answer is sent, and the worker is kept busy. So is the disk by a pause, and by its end.
"""

SAID_S = 1.0
"""That frames come for a source that was refused is said no more often."""


class Commands:
    """Carries out the messages of one connection."""

    def __init__(self, service: Service, live: SessionHost, outbox: Outbox) -> None:
        self._service = service
        self._live = live
        self._outbox = outbox
        self._unknown: set[str] = set()
        self._refused = ""
        """why there is no source, since its beginning was refused"""
        self._said_at = 0.0

    def handle(self, data: str | bytes) -> float:
        """One message. Whatever is wrong with it is answered by an `error`. Returns what it costs elsewhere (seconds)."""
        live = self._live
        if live.closed or live.outbox is not self._outbox:
            return 0.0
        try:
            if isinstance(data, bytes):
                self._frame(data)
                return 0.0
            message, ignored = parse_client_message(data)
            self._log_ignored(message.type, ignored)
            self.carry_out(message)
        except ProtocolError as error:
            if isinstance(data, str) and type_of(data) == "source.begin":
                self._refuse_source(error)
            say_error(self._outbox, self._service, error)
            return REFUSED_S
        costly = isinstance(message, SessionReset | SessionRewind | SessionPause | SessionResume)
        return JUMP_S if costly else 0.0

    def _frame(self, data: bytes) -> None:
        """A frame of the client's video."""
        source = self._live.video.source
        if source is None and self._refused:
            self._say_refused()
            return
        if source is None:
            text = "a binary message without a source: clients send JSON text, and frames after source.begin"
            raise ProtocolError(ErrorCode.BINARY_NOT_ALLOWED, text)
        source.put(unpack(data))

    def _refuse_source(self, error: ProtocolError) -> None:
        """What comes now is not for the source before it: that one is over, as it would be had this one begun."""
        self._refused = error.message
        self._end_source()

    def _say_refused(self) -> None:
        now = time.monotonic()
        if now - self._said_at >= SAID_S:
            self._said_at = now
            text = f"frames come for a source that was refused ({self._refused}): begin it anew with source.begin"
            say_error(self._outbox, self._service, ProtocolError(ErrorCode.INVALID_VALUE, text))

    def _end_source(self) -> None:
        self._live.video.end()
        self._service.dispatchers.of(self._live).turns.touch(self._live)

    def _log_ignored(self, kind: str, ignored: tuple[str, ...]) -> None:
        for path in ignored[:8]:
            if path not in self._unknown and len(self._unknown) < 64:
                self._unknown.add(path)
                log.warning("unknown field %r of %s was ignored", path, kind)

    def carry_out(self, message: ClientMessage) -> None:
        """One message that was read already; raises ProtocolError."""
        match message:
            case Ping():
                self._outbox.answer(Pong(sent_us=message.sent_us))
            case KeyFrame():
                self._service.want_key(self._live)
            case SessionStart():
                text = "the session has started already: open another connection for another session"
                raise ProtocolError(ErrorCode.ALREADY_STARTED, text, id=message.id)
            case SourceBegin():
                tracking.check(message, self._can, message.id)
                self._service.begin_source(self._live, message)
                self._refused = ""
            case SourceEnd():
                if not self._can.get("source_tracks"):
                    self._need("source", message.id)
                self._end_source()
                self._refused = ""
            case _:
                self._service.driver.ask(self._live, self._event(message))

    def _event(self, message: ClientMessage) -> Any:
        """What the message is to the session."""
        match message:
            case Playhead():
                return on.Reported(message.pts)
            case SessionPause():
                return on.PauseAsked(message.id)
            case SessionResume():
                return on.ResumeAsked(message.id)
            case SessionStep():
                return on.StepAsked(message.chunks, message.id)
            case Probe():
                self._need("probe", message.id)
                point = (message.x, message.y)
                return on.ProbeAsked(point, _places(message.add), _places(message.remove), message.id)
            case SessionRewind():
                self._need("rewind", message.id)
                return on.RewindAsked(message.chunk, message.id)
            case SessionReset():
                return on.ResetAsked(message.seed, message.id)
            case SessionStop():
                return on.EndAsked("stopped", CloseCode.DONE, message.id)
        assert isinstance(message, CONTROL_TYPES)
        return on.Given(message, self._can)

    @property
    def _can(self) -> dict[str, Any]:
        """What the session's model and the server can do."""
        return self._service.capabilities(self._live.meta.model)

    def _need(self, ability: str, id: int | None) -> None:
        if not self._can.get(ability):
            raise ProtocolError(ErrorCode.UNSUPPORTED, f"this model cannot do {ability}", field="type", id=id)


def _places(touches: Touches | None) -> tuple[tuple[float, float], ...]:
    return tuple((x, y) for x, y in touches or ())


class ViewerCommands:
    """A viewer may ask for the time, nothing else."""

    def __init__(self, service: Service, outbox: Outbox) -> None:
        self._service = service
        self._outbox = outbox

    def handle(self, text: str | bytes) -> float:
        """Answers `ping`; everything else is refused. Returns what it costs elsewhere (seconds)."""
        try:
            if isinstance(text, bytes):
                raise ProtocolError(
                    ErrorCode.BINARY_NOT_ALLOWED, "a binary message: clients send JSON text only"
                )
            message = parse_client_message(text).message
            if not isinstance(message, Ping):
                id = getattr(message, "id", None)
                raise ProtocolError(ErrorCode.READ_ONLY, "viewers cannot control the session", id=id)
        except ProtocolError as error:
            say_error(self._outbox, self._service, error)
            return REFUSED_S
        self._outbox.answer(Pong(sent_us=message.sent_us))
        return 0.0


def say_error(outbox: Outbox, service: Service, error: ProtocolError) -> None:
    """Answers a bad message."""
    service.metrics.errors.labels(error.code).inc()
    outbox.say(answer_to(error))
