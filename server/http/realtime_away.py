"""A video of `/v1/realtime/video` whose session has gone to another gateway: it is told and written here as before.

Which interactions there were and how far the video is stands here. So the connection stays, and this gateway is a client of the
other one in the project's own protocol. Where one side does not read, the other waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from flowbrush.controls import ClientControl
from flowbrush.errors import ProtocolError
from flowbrush.packets import unpack
from flowbrush.parse import parse_server_message
from flowbrush.protocol import (
    ControlQueued,
    Error,
    Message,
    Playhead,
    Pong,
    SessionStop,
)
from flowbrush.server.delivery.delivery import Media
from flowbrush.server.http.relay import VIDEO_COMPLETE, Link, Way, part_as
from flowbrush.server.http.talk import receive
from flowbrush.server.realtime.client_messages import (
    Interaction,
    SessionInteraction,
    SessionPing,
    SessionPlayback,
    event_id_of,
)
from flowbrush.server.realtime.conversation import Conversation, NotTaken
from flowbrush.server.realtime.wire import Mp4Wire

WAITING = 4
"""Things that may wait for the client: more would be stale when it reads them."""


class Away:
    """One connection."""

    def __init__(self, wire: Mp4Wire, conversation: Conversation) -> None:
        self._wire, self._conversation = wire, conversation
        self._box: asyncio.Queue[Message | Media | None] = asyncio.Queue(WAITING)
        """what is to be told to the client; None at the end"""
        self._asked: tuple[int | None, asyncio.Future[None]] | None = None
        """the control that is under way: its id, and what the other gateway says to it"""
        self._completed = False

    def ways(self, socket: WebSocket, link: Link) -> tuple[Way, ...]:
        """What runs until one of it ends."""
        self._wire.complete = self._complete
        return self._up(socket, link.socket), self._down(link), self._write(socket, link.socket)

    def _complete(self) -> None:
        self._completed = True

    # ---- from the client

    async def _up(self, socket: WebSocket, there: ClientConnection) -> None:
        while True:
            data = await receive(socket)
            try:
                await self._carry_out(data, there)
            except (ProtocolError, NotTaken) as error:
                await self._box.put(self._conversation.refusal(error, event_id_of(data)))
            except ConnectionClosed:  # the other way hears how it ended
                await asyncio.Event().wait()

    async def _carry_out(self, data: str | bytes, there: ClientConnection) -> None:
        match self._conversation.read(data):
            case SessionInteraction(interaction=interaction):
                await self._interact(interaction, there)
            case SessionPlayback(position_seconds=position):
                await there.send(Playhead(pts=position, buffered=0.0).to_json())
            case SessionPing():
                await self._box.put(Pong(sent_us=0))
            case _:
                await there.send(SessionStop().to_json())

    async def _interact(self, interaction: Interaction, there: ClientConnection) -> None:
        """One control after the other, so that none is sent behind one that is refused."""
        event_id, controls = self._conversation.asked(interaction)
        for control in controls:
            await self._ask(control, there)
        await self._box.put(self._conversation.accepted(event_id, interaction, controls))

    async def _ask(self, control: ClientControl, there: ClientConnection) -> None:
        """Raises NotTaken where it is refused."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked = control.id, answer
        await there.send(control.to_json())
        await answer

    # ---- from the session

    async def _down(self, link: Link) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                data = await link.socket.recv()
                link.answered()
                item = self._packet(data) if isinstance(data, bytes) else self._message(data)
                await asyncio.sleep(
                    0
                )  # an interaction that was accepted now is known before a chunk shows it
                if item is not None:
                    await self._box.put(item)
        await self._box.put(None)

    @staticmethod
    def _packet(data: bytes) -> Media:
        now = time.monotonic()
        return Media(unpack(data), now, now)

    def _message(self, text: str) -> Message | None:
        message = parse_server_message(text).message
        id, answer = self._asked or (None, None)
        match message:
            case ControlQueued() if answer is not None and message.id == id:
                self._asked = None
                answer.set_result(None)
                return None
            case Error() if answer is not None and message.id == id:
                self._asked = None
                answer.set_exception(NotTaken(message.code, message.message, message.field))
                return None
        return message

    # ---- to the client

    async def _write(self, socket: WebSocket, there: ClientConnection) -> None:
        while (item := await self._box.get()) is not None:
            completed = self._completed
            for data in self._wire(item):
                await (socket.send_text(data) if isinstance(data, str) else socket.send_bytes(data))
            if self._completed and not completed:
                with contextlib.suppress(ConnectionClosed):  # it is over there already
                    await there.send(VIDEO_COMPLETE)
        await part_as(socket, there)
