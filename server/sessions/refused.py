"""Why a session is not begun or resumed."""

from __future__ import annotations

from flowbrush.errors import CloseCode, ErrorCode


class Refused(Exception):
    """A session is not begun: what to say, and how to close."""

    def __init__(self, code: ErrorCode, message: str, close: CloseCode, retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.close, self.retryable = code, message, close, retryable
