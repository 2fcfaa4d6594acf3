"""Why a session is not begun or resumed, and what is said of a message that is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import Error


class Refused(Exception):
    """A session is not begun: what to say, and how to close; `field` and `id` as of an `error` message."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        close: CloseCode,
        *,
        retryable: bool = False,
        field: str | None = None,
        id: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.close, self.retryable = code, message, close, retryable
        self.field, self.id = field, id

    @classmethod
    def of(cls, error: ProtocolError) -> Self:
        """For a first message that breaks the contract."""
        return cls(error.code, error.message, CloseCode.BAD_START, field=error.field, id=error.id)


def served(model: str | None, models: Sequence[str]) -> str:
    """The model that is asked for, the first of `models` where none is. Raises Refused where it is none of them."""
    if model is not None and model not in models:
        here = ", ".join(models)
        text = f"model {model!r} is not served here: this server has {here}"
        raise Refused(ErrorCode.UNKNOWN_MODEL, text, CloseCode.BAD_START, field="model")
    return models[0] if model is None else model


def reason(error: BaseException) -> str:
    """What kept something from being done, for a client: paths of this machine, and its numbers for errors, are not said."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def failure(error: BaseException) -> str:
    """The same, with the kind of a fault that is the program's own."""
    return reason(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


def answer_to(error: ProtocolError) -> Error:
    """What a client is told of a message of its that is refused; the session goes on."""
    retryable = error.code is ErrorCode.RATE_LIMITED
    return Error(code=error.code, message=error.message, id=error.id, field=error.field, retryable=retryable)
