"""What every stream has: a connection that is kept, events, and frames to iterate over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from websockets.exceptions import ConnectionClosed

from flowbrush import limits
from flowbrush.arguments import checks_arguments
from flowbrush.decoder import Decoder, Undecodable
from flowbrush.errors import CloseCode, ConnectionLost, FlowbrushError, ServerError
from flowbrush.events import Events, Handler, check_event
from flowbrush.link import FINAL_CLOSES, Link, close_of
from flowbrush.packet_buffer import PacketBuffer
from flowbrush.packets import Packet
from flowbrush.playout import Playout
from flowbrush.printable import printable
from flowbrush.rest import Server
from flowbrush.server_messages import (
    Error,
    ServerMessage,
    SessionDone,
    SessionPaused,
    SessionReady,
    SessionRestarted,
    SessionResumed,
    SessionRewound,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

log = logging.getLogger(__name__)

FrameKind = Literal["numpy", "packets", "none"]
MAX_FAILURES = 20  # frames in a row that do not decode; then it is told
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)  # before each try to connect again; the last one from then on


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame: `image` is RGB uint8 [H, W, 3]; `packet` says which frame it is."""

    image: npt.NDArray[np.uint8]
    packet: Packet

    @property
    def index(self) -> int:
        return self.packet.frame

    @property
    def chunk(self) -> int:
        return self.packet.chunk

    @property
    def pts(self) -> float:
        """Media time in seconds."""
        return self.packet.pts

    @property
    def control_id(self) -> int:
        """Id of the last control that the frame shows, 0 for none."""
        return self.packet.control_id


@checks_arguments
class Viewer:
    """A session that is watched; `async with` opens and closes it, `async for` gives its frames.

    `frames` says what iterating gives: "numpy" `Frame` objects, "packets" encoded `Packet` objects; with
    "none" frames are thrown away. With `realtime` they are handed out at their media time, else as they come.
    """

    def __init__(self, server: Server, *, frames: FrameKind, realtime: bool) -> None:
        self._server = server
        self._kind = frames
        self._realtime = realtime
        self._events = Events()
        self._link: Link | None = None
        self._ready: SessionReady | None = None
        self._playout = Playout(1.0, realtime=realtime)
        self._decoder: Decoder | None = None
        self._failures = 0
        self._asked = False
        self._packets = PacketBuffer()
        self._begun = False
        self._ended = False
        self._failure: FlowbrushError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.done: SessionDone | None = None
        self.last_frame = -1
        self.paused = False
        """whether it is paused, as far as the server has said"""

    # ---- life ----

    async def __aenter__(self) -> Self:
        if self._ended or self._ready is not None:
            raise RuntimeError("this stream was opened before, and is opened once: make another one")
        await self._open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.disconnect()

    async def disconnect(self) -> SessionDone | None:
        """End it. Frames that came already can still be read."""
        self._end(None)
        await self._close()
        return self.done

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._link is not None:
            await self._link.close()
            self._link = None

    @property
    def ready(self) -> SessionReady:
        """The server's `session.ready`: size, frame rate, capabilities; RuntimeError before it came."""
        if self._ready is None:
            raise RuntimeError("not connected: use `async with`")
        return self._ready

    @property
    def session(self) -> str:
        """The session's id."""
        return self.ready.session

    @property
    def now(self) -> float:
        """The pts on screen now, in seconds: the time of pointer samples."""
        return self._playout.position(time.monotonic())[0]

    @overload
    def on(self, event: str, handler: Handler) -> Handler: ...
    @overload
    def on(self, event: str) -> Callable[[Handler], Handler]: ...
    def on(self, event: str, handler: Callable[[Any], Any] | None = None) -> Any:
        """Call `handler(message)` at every such event: a type of message, `reconnecting`, `reconnected`.

        Without a handler it is a decorator. Can be used before connecting, for `queue`.
        """
        check_event(event)
        if handler is None:
            return lambda function: self.on(event, function)
        self._events.on(event, handler)
        return handler

    # ---- frames ----

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        """The next `Frame` (or `Packet`). Raises what ended the stream if that was no proper end, RuntimeError before it began."""
        if not self._begun and not self._ended:
            raise RuntimeError("not connected: use `async with`")
        while True:
            packet = await self._next_due()
            # nothing is awaited from here on, so a cancelled reader loses no frame
            self._packets.take()
            self._playout.show(packet.pts, time.monotonic())
            if self._kind != "numpy":
                item: Frame | Packet | None = packet
            else:
                item = self._decode(packet)
            self._shown()
            if item is not None:
                return item

    async def _next_due(self) -> Packet:
        while True:
            packet = await self._packets.first()
            if packet is None:
                raise self._failure or StopAsyncIteration
            wait_s = 0.0 if packet.discontinuity else self._playout.wait_s(packet.pts, time.monotonic())
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if self._packets.begins_with(packet):
                return packet

    def _decode(self, packet: Packet) -> Frame | None:
        if self._decoder is None:
            self._decoder = Decoder(packet.codec)
        try:
            image = self._decoder.decode(packet)
        except Undecodable as error:
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                raise
            log.warning("%s; it goes on with the next key frame", error)
            self._want_key_frame()
            return None
        if image is None:
            if not self._decoder.begun and not self._asked:
                self._want_key_frame()
            return None
        self._failures, self._asked = 0, False
        return Frame(image, packet)

    def _want_key_frame(self) -> None:
        """The decoder has lost its way, or never had it."""
        self._asked = True

    def _shown(self) -> None:
        """A frame was handed out."""

    # ---- connection ----

    def _url(self) -> str:
        raise NotImplementedError

    def _hello(self) -> str | None:
        """The first message of a new connection."""
        raise NotImplementedError

    async def _open(self) -> None:
        self._link = await self._connect()
        self._begun = True
        self._tasks.add(asyncio.create_task(self._run(), name="flowbrush receive"))
        if self._kind == "none":
            self._tasks.add(asyncio.create_task(self._drain(), name="flowbrush drain"))

    async def _connect(self) -> Link:
        on_queue = partial(self._events.emit, "queue")
        link = await Link.open(self._url(), self._hello(), self._server, on_queue)
        if self._ready is None:
            self._playout = Playout(1.0 / link.ready.fps, realtime=self._realtime)
            if self.last_frame >= 0:
                self._playout.restart((self.last_frame + 1) / link.ready.fps)
        else:
            self.paused = False  # or session.paused comes next
        self._ready = link.ready
        self._events.emit("session.ready", link.ready)
        return link

    async def _run(self) -> None:
        try:
            while not self._ended:
                try:
                    await self._receive()
                except ConnectionClosed as error:
                    await self._lost(*close_of(error))
        except FlowbrushError as error:
            self._end(error)
        except Exception as error:  # a defect of ours must reach the reader, too
            self._end(FlowbrushError(f"the client failed: {error!r}"))
            raise

    async def _receive(self) -> None:
        assert self._link is not None
        while not self._ended:
            received = await self._link.receive()
            if isinstance(received, Packet):
                await self._on_packet(received)
            elif received is not None:
                await self._on_message(received)

    async def _on_packet(self, packet: Packet) -> None:
        await self._packets.put(packet)
        self.last_frame = packet.frame
        self._playout.receive(packet.pts)

    async def _on_message(self, message: ServerMessage) -> None:
        if isinstance(message, SessionRewound):
            self._restart_at((message.chunk + 1) * self.ready.chunk_frames)
        elif isinstance(message, SessionRestarted):
            self._restart_at(0)
        elif isinstance(message, SessionPaused | SessionResumed):
            self.paused = isinstance(message, SessionPaused)
        heard = self._events.emit(message.type, message)
        if isinstance(message, Error) and not heard and message.id is None:
            log.warning("the server reports: %s", printable(f"{message.message} [{message.code}]"))
        if isinstance(message, SessionDone):
            self.done = message
            self._end(None)

    def _restart_at(self, frame: int) -> None:
        """What was received and not yet shown belongs to a past that was taken back."""
        self._packets.clear()
        self.last_frame = frame - 1
        self._playout.restart(frame / self.ready.fps)

    async def _lost(self, code: int | None, reason: str) -> None:
        """The connection closed: connect again, or raise ConnectionLost."""
        self._link = None
        if code == CloseCode.DONE:
            self._end(None)
            return
        if code in FINAL_CLOSES:
            raise ConnectionLost(f"the server closed the stream: {reason}", close_code=code)
        self._events.emit("reconnecting", reason)
        log.info("connection lost (%s); connecting again", printable(reason))
        deadline = time.monotonic() + limits.RESUME_S
        attempt = 0
        while True:
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1
            try:
                self._link = await self._connect()
                break
            except (ConnectionLost, ServerError) as error:
                final = isinstance(error, ServerError) and not error.retryable
                if final or getattr(error, "close_code", None) in FINAL_CLOSES or time.monotonic() > deadline:
                    raise ConnectionLost(
                        f"{reason}; connecting again failed: {error}", close_code=code
                    ) from error
        await self._reconnected()
        self._events.emit("reconnected", self._ready)

    async def _reconnected(self) -> None:
        """A new connection stands; the stream goes on."""

    def _end(self, failure: FlowbrushError | None) -> None:
        if not self._ended:
            self._ended = True
            self._failure = failure
        self._packets.end()

    async def _drain(self) -> None:
        try:
            async for _ in self:
                pass
        except FlowbrushError as error:
            log.warning("the stream ended: %s", error)
