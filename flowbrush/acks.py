"""Acknowledgements: what was sent and has not been answered yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from flowbrush.errors import ConnectionLost, ErrorCode, FlowbrushError, ServerError
from flowbrush.messages import Message
from flowbrush.packets import Packet
from flowbrush.server_messages import ControlApplied, ControlQueued, Error, Notice

DISCARDED = "control_discarded"


@dataclass(frozen=True)
class Applied:
    """The first frame that shows a control, and its chunk."""

    chunk: int
    frame: int


class Ack:
    """An accepted control. `chunk` is the one expected to show it (None if the answer was lost on the way).

    `await ack.applied` waits until pixels show it; frames must be read for that, the server waits for it. It raises ServerError
    (control_discarded) when the stream went back before.
    """

    def __init__(self, id: int, applied: asyncio.Future[Applied]) -> None:
        self.id = id
        self.chunk: int | None = None
        self._applied = applied

    @property
    def applied(self) -> asyncio.Future[Applied]:
        """A future of the first frame that shows the control."""
        return asyncio.shield(self._applied)

    def __repr__(self) -> str:
        return f"Ack(id={self.id}, chunk={self.chunk})"


class _Control:
    def __init__(self, id: int, text: str) -> None:
        loop = asyncio.get_running_loop()
        self.text = text
        self.sent_again = False
        self.queued: asyncio.Future[Ack] = loop.create_future()
        self.applied: asyncio.Future[Applied] = loop.create_future()
        self.ack = Ack(id, self.applied)

    def accept(self, chunk: int | None) -> None:
        if not self.queued.done():
            self.ack.chunk = chunk
            self.queued.set_result(self.ack)

    def fail(self, error: FlowbrushError) -> None:
        for future in (self.queued, self.applied):
            if not future.done():
                future.set_exception(error)
                future.exception()  # marks it as seen: nobody has to await every acknowledgement


class Acks:
    """Numbers messages and keeps their futures until they are answered."""

    def __init__(self) -> None:
        self.last_id = 0
        self._controls: dict[int, _Control] = {}
        self._commands: dict[int, asyncio.Future[Message]] = {}

    def continue_from(self, last_id: int) -> None:
        """The server knows ids up to this one."""
        self.last_id = max(self.last_id, last_id)

    def next_id(self) -> int:
        """A new id; controls and commands share the count."""
        self.last_id += 1
        return self.last_id

    def control(self, id: int, text: str) -> asyncio.Future[Ack]:
        """Remember a control that is about to be sent."""
        entry = self._controls[id] = _Control(id, text)
        return entry.queued

    def command(self, id: int) -> asyncio.Future[Message]:
        """Remember a `session.*` message that is about to be sent."""
        future = self._commands[id] = asyncio.get_running_loop().create_future()
        return future

    def send_again(self) -> list[str]:
        """The controls, oldest first, that the server may not have received; they count as sent again."""
        waiting = [control for _, control in sorted(self._controls.items()) if not control.queued.done()]
        for control in waiting:
            control.sent_again = True
        return [control.text for control in waiting]

    def on_queued(self, message: ControlQueued) -> None:
        if message.id in self._controls:
            self._controls[message.id].accept(message.chunk)

    def on_applied(self, message: ControlApplied) -> None:
        self._apply(message.id, Applied(message.chunk, message.frame))

    def on_packet(self, packet: Packet) -> None:
        """The header says which control the frame shows, which stands in for a lost acknowledgement.

        One that came is right by itself: an earlier control may be shown a frame later than a newer one.
        """
        if packet.control_id not in self._controls:
            return
        for id in [id for id in self._controls if id <= packet.control_id]:
            self._apply(id, Applied(packet.chunk, packet.frame))

    def on_reply(self, id: int | None, message: Message) -> None:
        future = self._commands.pop(id, None) if id is not None else None
        if future is not None and not future.done():
            future.set_result(message)

    def on_error(self, error: Error) -> bool:
        """True when the error answers a message of ours."""
        if error.id is None:
            return False
        failure = ServerError.from_message(error)
        control = self._controls.get(error.id)
        if control is not None:
            if error.code == ErrorCode.ID_NOT_INCREASING and control.sent_again:  # it had arrived
                control.accept(None)
            else:
                del self._controls[error.id]
                control.fail(failure)
            return True
        future = self._commands.pop(error.id, None)
        if future is not None and not future.done():
            future.set_exception(failure)
        return future is not None

    def on_notice(self, notice: Notice) -> None:
        """A control that a rewind took back is never shown."""
        control = self._controls.pop(notice.id or 0, None) if notice.code == DISCARDED else None
        if control is not None:
            control.fail(ServerError(DISCARDED, notice.message, id=notice.id))

    def fail_commands(self) -> None:
        """The connection is gone: what became of commands without an answer is unknown."""
        error = ConnectionLost(
            "the connection was lost before the answer came; ask for the state and try again"
        )
        for future in self._commands.values():
            if not future.done():
                future.set_exception(error)
        self._commands.clear()

    def fail_all(self, error: FlowbrushError) -> None:
        """The session is over."""
        for control in self._controls.values():
            control.fail(error)
        for future in self._commands.values():
            if not future.done():
                future.set_exception(error)
        self._controls.clear()
        self._commands.clear()

    def _apply(self, id: int, applied: Applied) -> None:
        control = self._controls.pop(id, None)
        if control is not None:
            control.accept(applied.chunk)
            if not control.applied.done():
                control.applied.set_result(applied)
