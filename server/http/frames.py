"""The frames of a WebSocket below its messages: pings and pieces of which no message comes cost time and memory, too."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from flowbrush.server.http.share import Share

MAX_PIECES = 4096
"""A message comes in so many frames at most: of the largest that is taken each has 1 KiB then."""

TOO_MANY_PIECES = 1009
"""The code of a message that is too big, which one of so many frames is."""

NO_TEXT = 1007
"""The code of a text message that is not UTF-8."""

UNREAD_BYTES = 1 << 20
"""Answers to pings that wait for their client; video never lies there in such amounts."""

AT_ONCE_BYTES = 1 << 12
"""So much of one connection is looked at in one go; frames of pings are six bytes."""

BURST_S = 0.03
LOOK_AGAIN_S = 0.1


class Frames(WebSocketsSansIOProtocol):
    """uvicorn's protocol; who takes more than a share, or does not read what it is answered, is not listened to for a while."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._share = Share(burst_s=BURST_S)
        self._left = b""
        self._resting: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self._left += data
        if self._resting is not None:  # as it closes, uvicorn reads on
            self.transport.pause_reading()
        self._take()

    def _take(self) -> None:
        """Looks at what came, a little at a time, until it is time to rest."""
        while self._left and self._resting is None and not self.transport.is_closing():
            part, self._left = self._left[:AT_ONCE_BYTES], self._left[AT_ONCE_BYTES:]
            before = time.thread_time()
            super().data_received(part)
            rest_s = self._share.spent(time.thread_time() - before, self.loop.time())
            if len(self.frames) > MAX_PIECES and not self.transport.is_closing():
                self._refuse(TOO_MANY_PIECES, f"a message comes in at most {MAX_PIECES} frames")
            elif rest_s > 0 or self._unread:
                self._rest(rest_s)

    def send_receive_event_to_app(self) -> None:
        """A whole message has come. Text that is none is a fault of the client, which uvicorn would log as one of its own."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames):
            self._refuse(NO_TEXT, "a text message is UTF-8, and what is not goes into a binary one")
        else:
            super().send_receive_event_to_app()

    def _refuse(self, code: int, why: str) -> None:
        """The connection ends, and its client hears why."""
        self.frames = []
        self.conn.fail(code, why)
        self.handle_parser_exception()

    async def receive(self) -> Any:
        """The next event for the application; that it takes one ends no rest."""
        message = await super().receive()
        if self._resting is not None:
            self.transport.pause_reading()
        return message

    async def send(self, message: Any) -> None:
        """An event of the application's. One who is refused has had an answer: uvicorn takes it for an application that failed."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resting is not None:
            self._resting.cancel()
        super().connection_lost(exc)

    @property
    def _unread(self) -> bool:
        return self.transport.get_write_buffer_size() > UNREAD_BYTES

    def _rest(self, seconds: float) -> None:
        self.transport.pause_reading()
        self._resting = self.loop.call_later(max(seconds, LOOK_AGAIN_S), self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        if self._unread:
            self._rest(0.0)
        else:
            self._take()
        if self._resting is None and not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()


def _is_text(pieces: list[bytes]) -> bool:
    try:
        b"".join(pieces).decode()
    except UnicodeDecodeError:
        return False
    return True
