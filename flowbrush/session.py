"""One's own session below the names of the controls: acknowledgements, resume, playhead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Annotated, Any, TypeVar, cast

from websockets.exceptions import ConnectionClosed

from flowbrush.acks import Ack, Acks
from flowbrush.arguments import checks_arguments, one_of
from flowbrush.client_messages import (
    KeyFrame,
    Playhead,
    Probe,
    SessionCommand,
    SessionStart,
    SessionStop,
    SourceBegin,
    SourceFields,
)
from flowbrush.controls import CONTROL_TYPES, Control
from flowbrush.errors import ConnectionLost, FlowbrushError, SessionEnded
from flowbrush.messages import Message
from flowbrush.packets import Packet
from flowbrush.rest import ImageLike, Server
from flowbrush.server_messages import ControlApplied, ControlQueued, Error, Notice, ServerMessage, SessionDone
from flowbrush.viewer import FrameKind, Viewer

log = logging.getLogger(__name__)

PLAYHEAD_S = 0.1  # at most so long between two playheads
PLAYHEAD_GAP_S = 0.01  # at least so long
PATIENCE_S = 3.0  # so long without an answer, and it is said what may keep it away
STOP_S = 5.0  # how long `disconnect` waits for session.done

OneControl = Annotated[Control, one_of("a control, such as flowbrush.protocol.PromptSet", *CONTROL_TYPES)]
Reply = TypeVar("Reply", bound=Message)


@checks_arguments
class Session(Viewer):
    """A viewer that controls what it sees: sends messages and knows which were answered."""

    def __init__(
        self,
        server: Server,
        start: SessionStart,
        *,
        image: ImageLike | None = None,
        frames: FrameKind = "numpy",
        realtime: bool = True,
    ) -> None:
        super().__init__(server, frames=frames, realtime=realtime)
        self._start = start
        self._image = image
        self._token = start.resume
        self._acks = Acks()
        self._deaf = False
        """whether nobody takes in what the server says: its task was cancelled, as every one is at Ctrl-C"""
        self._last_track = max((track.track for track in start.tracks), default=0)
        self._moved = asyncio.Event()
        self._probing = asyncio.Lock()
        self._replacing = asyncio.Lock()
        self.source: SourceFields | None = start.source
        """the client's video that is announced now"""
        self.paused = start.paused
        if start.last_frame is not None:
            self.last_frame = start.last_frame

    async def disconnect(self) -> SessionDone | None:
        """End the session and close; gives the server's `session.done` if it came."""
        if not self._ended and self._link is not None and not self._deaf:
            with contextlib.suppress(FlowbrushError, TimeoutError, ConnectionClosed):
                async with asyncio.timeout(STOP_S):
                    await self._command(SessionStop(), SessionDone)
        done = await super().disconnect()
        self._acks.fail_all(SessionEnded("the session was disconnected"))
        return done

    @property
    def resume_token(self) -> str | None:
        """With it and `last_frame` another process can go on: `connect(resume=…, last_frame=…)`."""
        return self._token

    def next_track(self) -> int:
        """A track number that this stream has not used."""
        self._last_track += 1
        return self._last_track

    async def control(self, control: OneControl) -> Ack:
        """Send any control and wait until it is accepted; its `id` is set here. Raises ServerError."""
        self._check_open()
        id = self._acks.next_id()
        text = control.model_copy(update={"id": id}).to_json()
        queued = self._acks.control(id, text)
        await self._send(text)
        return await queued

    async def send(self, message: Message) -> None:
        """Send a message without asking for an answer."""
        self._check_open()
        await self._send(message.to_json())

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message: a frame of a source."""
        self._check_open()
        await self._send(data)

    async def _command(self, command: SessionCommand | Probe, reply: type[Reply]) -> Reply:
        self._check_open()
        if self._link is None:
            raise ConnectionLost("the connection is being restored: try again in a moment")
        id = self._acks.next_id()
        answer = self._acks.command(id)
        await self._send(command.model_copy(update={"id": id}).to_json())
        await asyncio.wait([answer], timeout=PATIENCE_S)
        if not answer.done() and self._packets:
            text = "%s is not answered yet, and frames are not read: the server makes no more than 2 s ahead of their reader"
            log.warning(f"{text}; iterate the stream meanwhile, or connect with frames='none'", command.type)
        message = await answer
        if not isinstance(message, reply):
            raise FlowbrushError(f"{command.type} was answered by {cast(Any, message).type}")
        return message

    def _want_key_frame(self) -> None:
        super()._want_key_frame()
        asking = asyncio.create_task(self._send(KeyFrame().to_json()), name="flowbrush keyframe")
        self._tasks.add(asking)
        asking.add_done_callback(self._tasks.discard)

    def _check_open(self) -> None:
        if self._ended:
            why = "closed" if self.done is None else self.done.reason
            text = f"the session is over ({why}), nothing more can be sent: connect again for another one"
            raise self._failure or SessionEnded(text)
        if self._ready is None:
            raise SessionEnded("the session is not open yet: use `async with`, and wait for `set_image`")

    async def _send(self, message: str | bytes) -> None:
        if self._link is not None:
            # when this fails, the receiving task connects again and sends controls again
            with contextlib.suppress(ConnectionClosed):
                await self._link.send(message)

    def _url(self) -> str:
        return self._server.stream_url

    def _hello(self) -> str:
        if self._ready is None or self._token is None:
            return self._start.to_json()
        return SessionStart(
            resume=self._token, last_frame=self.last_frame, codecs=self._start.codecs
        ).to_json()

    async def _start_over(self, *, image: str) -> None:
        """End this session and begin another with the same settings from an uploaded image. Raises SessionEnded where it was
        disconnected meanwhile.
        """
        self._check_open()
        if self._link is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._link.send(SessionStop().to_json())
        await self._close()
        self._deaf = False
        self._acks.fail_all(SessionEnded("the session was started over from another image"))
        self._restart_at(0)
        self._acks, self._token, self._ready, self._decoder = Acks(), None, None, None
        self.paused = self._start.paused
        self._start = self._start.model_copy(update={"image": image})
        try:
            await self._open()
        except FlowbrushError as error:
            self._end(error)
            raise
        if self._ended:
            await self._close()
            self._check_open()

    async def _open(self) -> None:
        if self._image is not None:
            self._start = self._start.model_copy(update={"image": await self._server.upload(self._image)})
            self._image = None
        await super()._open()
        self._token = self.ready.resume_token or self._token
        self._acks.continue_from(self.ready.last_id)
        self._tasks.add(asyncio.create_task(self._send_playheads(), name="flowbrush playhead"))

    async def _run(self) -> None:
        try:
            await super()._run()
        except asyncio.CancelledError:
            self._deaf = True
            self._acks.fail_commands()
            raise

    async def _on_packet(self, packet: Packet) -> None:
        self._acks.on_packet(packet)
        await super()._on_packet(packet)

    async def _on_message(self, message: ServerMessage) -> None:
        if isinstance(message, ControlQueued):
            self._acks.on_queued(message)
        elif isinstance(message, ControlApplied):
            self._acks.on_applied(message)
        elif isinstance(message, Error):
            self._acks.on_error(message)
        elif isinstance(message, Notice):
            self._acks.on_notice(message)
        await super()._on_message(message)
        self._acks.on_reply(getattr(message, "id", None), message)
        self._forget_if_ended()

    async def _reconnected(self) -> None:
        self._token = self.ready.resume_token or self._token
        if self.source is not None:  # it ended with the connection
            await self._send(SourceBegin(**dict(self.source)).to_json())
        for text in self._acks.send_again():
            await self._send(text)

    async def _lost(self, code: int | None, reason: str) -> None:
        self._link = None
        self._acks.fail_commands()
        await super()._lost(code, reason)
        self._forget_if_ended()

    def _forget_if_ended(self) -> None:
        if self._ended:
            self._acks.fail_all(SessionEnded("the session is over"))

    def _end(self, failure: FlowbrushError | None) -> None:
        super()._end(failure)
        if failure is not None:
            self._acks.fail_all(failure)

    def _shown(self) -> None:
        self._moved.set()

    async def _send_playheads(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._ended:
            pts, buffered = self._playout.position(loop.time())
            await self._send(Playhead(pts=pts, buffered=buffered).to_json())
            await asyncio.sleep(PLAYHEAD_GAP_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PLAYHEAD_S):
                    await self._moved.wait()
            self._moved.clear()
