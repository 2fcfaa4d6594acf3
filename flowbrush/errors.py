"""Exceptions of flowbrush, and the codes that `error` messages and closed connections carry.

FlowbrushError          everything below
├── ProtocolError       a message, packet or session file breaks the contract
├── ServerError         the server answered with an `error` message or refused the request
├── ConnectionLost      the connection ended and could not be resumed
└── SessionEnded        the session is over; nothing more can be sent
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Self

from flowbrush.printable import printable

if TYPE_CHECKING:
    from flowbrush.server_messages import Error


class CloseCode(IntEnum):
    """WebSocket close codes of a stream."""

    DONE = 1000
    GOING_AWAY = 1001  # the server stops; resume later
    BAD_START = 1003  # the first message is not a valid session.start, or no codec fits
    POLICY = 1008  # not authorised, or a limit was broken
    INTERNAL = 1011
    TRY_LATER = 1013


class ErrorCode(StrEnum):
    """`code` of an `error` message. Messages may change their wording, codes do not."""

    # the message itself
    INVALID_JSON = "invalid_json"
    BINARY_NOT_ALLOWED = "binary_not_allowed"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    INVALID_VALUE = "invalid_value"
    # the message in its session
    NOT_STARTED = "not_started"
    ALREADY_STARTED = "already_started"
    ID_NOT_INCREASING = "id_not_increasing"
    UNKNOWN_TRACK = "unknown_track"
    TRACK_EXISTS = "track_exists"
    TOO_MANY_TRACKS = "too_many_tracks"
    NOT_PAUSED = "not_paused"
    REWIND_OUT_OF_RANGE = "rewind_out_of_range"
    READ_ONLY = "read_only"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    # what the server or the model has
    UNSUPPORTED = "unsupported"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_IMAGE = "unknown_image"
    UNKNOWN_SESSION = "unknown_session"
    NO_CODEC = "no_codec"
    RESUME_EXPIRED = "resume_expired"
    UNAUTHORIZED = "unauthorized"
    TIMEOUT = "timeout"
    SLOW_READER = "slow_reader"
    BUSY = "busy"
    GENERATION_FAILED = "generation_failed"
    INTERNAL = "internal"


class FlowbrushError(Exception):
    """Base of all errors of this package."""


class ProtocolError(FlowbrushError):
    """Input that breaks the contract. `str(error)` says what was wrong, what was expected.

    `field` is the path of the field at fault (`points[3].x`), None when the message as a whole is; `id` is
    the id of the message when it could be read, so that the answer can carry it.
    """

    def __init__(
        self, code: ErrorCode, message: str, *, field: str | None = None, id: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.id = id


class ServerError(FlowbrushError):
    """The server's `error` message, or a refused request. `str(error)` can be printed, whatever the server said; `message` and
    `code` are as it said them.

    `retryable`: the same request may work later, after `retry_after_s` seconds where the server says so.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        field: str | None = None,
        id: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(printable(f"{message} [{code}]"))
        self.code = code
        self.message = message
        self.retryable = retryable
        self.field = field
        self.id = id
        self.retry_after_s = retry_after_s

    @classmethod
    def from_message(cls, error: Error) -> Self:
        """The exception for an `error` message."""
        return cls(
            error.code,
            error.message,
            retryable=error.retryable,
            field=error.field,
            id=error.id,
            retry_after_s=error.retry_after_s,
        )


class ConnectionLost(FlowbrushError):
    """The connection ended and could not be resumed. `close_code` is None when there was no close frame."""

    def __init__(self, message: str, *, close_code: int | None = None) -> None:
        super().__init__(printable(message))
        self.close_code = close_code


class SessionEnded(FlowbrushError):
    """The session is over (`session.done` came, or `disconnect` was called)."""
