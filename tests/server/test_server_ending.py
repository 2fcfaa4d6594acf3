"""The last that a connection hears."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.websockets import WebSocketState

from flowbrush.protocol import Error
from flowbrush.server.http.ending import part

MOST_BYTES = 123
"""Of a reason: a frame that closes has 125, two of them for the code (RFC 6455, 5.5)."""


class Socket:
    """It writes down what is sent."""

    application_state = WebSocketState.CONNECTED

    def __init__(self, gone: bool = False) -> None:
        self.sent: list[Any] = []
        self._gone = gone

    async def send_text(self, text: str) -> None:
        if self._gone:
            raise RuntimeError("the other side is gone")
        self.sent.append(text)

    async def close(self, code: int, reason: str) -> None:
        self.sent.append((code, reason))


@pytest.mark.parametrize("reason", ["too many", "é" * 200, "x" + "☃" * 200])
async def test_a_reason_is_as_long_as_it_may_be_and_whole_letters(reason: str) -> None:
    socket = Socket()
    error = Error(code="quota", message="too many")
    await part(socket, error, 1008, reason)  # type: ignore[arg-type]
    text, (code, said) = socket.sent
    assert text == error.to_json() and code == 1008
    assert (
        reason.startswith(said)
        and min(len(reason.encode()), MOST_BYTES - 6) <= len(said.encode()) <= MOST_BYTES
    )


async def test_one_that_is_gone_is_no_error() -> None:
    socket = Socket(gone=True)
    await part(socket, Error(code="quota", message="too many"), 1008, "too many")  # type: ignore[arg-type]
    assert socket.sent == []
