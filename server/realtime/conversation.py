"""What a client of `/v1/realtime/video` may ask for, and what it is told of that, wherever its session is. No I/O."""

from __future__ import annotations

from itertools import count
from uuid import uuid4

from flowbrush.controls import ClientControl
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.server.realtime.client_messages import ClientMessage, Interaction, parse_message
from flowbrush.server.realtime.server_messages import Failure, InteractionQueued
from flowbrush.server.realtime.timeline import Timeline
from flowbrush.server.realtime.translate import controls

EVENT_ID_CONFLICT = "event_id_conflict"


class NotTaken(Exception):
    """An interaction is not taken, for what only this protocol knows, or by the session."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


class Conversation:
    """Of one connection."""

    def __init__(self, session: str, size: tuple[int, int], fps: float, timeline: Timeline) -> None:
        self._session, self._aspect, self._fps = session, size[0] / size[1], fps
        self._timeline = timeline
        self._ids = count(1)

    @staticmethod
    def read(data: str | bytes) -> ClientMessage:
        """One message. Raises ProtocolError."""
        if isinstance(data, bytes):
            raise ProtocolError(ErrorCode.BINARY_NOT_ALLOWED, "a binary message: clients send JSON text only")
        return parse_message(data)

    def asked(self, interaction: Interaction) -> tuple[str, list[ClientControl]]:
        """The interaction's id, and the controls that it is. Raises ProtocolError and NotTaken."""
        event_id = interaction.event_id or uuid4().hex
        if self._timeline.knows(event_id):
            text = f"there was an interaction {event_id!r} already: each needs an id of its own"
            raise NotTaken(EVENT_ID_CONFLICT, text)
        return event_id, list(controls(interaction, self._ids, self._fps, self._aspect))

    def accepted(
        self, event_id: str, interaction: Interaction, asked: list[ClientControl]
    ) -> InteractionQueued:
        """The session has taken all that was asked."""
        self._timeline.queued(event_id, interaction, asked[-1].id or 0)
        return InteractionQueued(request_id=self._session, event_id=event_id)

    def refusal(self, error: ProtocolError | NotTaken, event_id: str | None) -> Failure:
        """What is said of a message that is wrong, or refused."""
        return Failure(
            code=error.code,
            message=error.message,
            request_id=self._session,
            event_id=event_id,
            field=error.field,
        )
