"""A small server that keeps to the protocol, for tests of the client. Each frame has one grey level."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from ssl import SSLContext
from typing import Any

import av
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import flowbrush
from flowbrush import protocol as p
from flowbrush.packets import Flag, Packet, pack

FPS = 16.0
CHUNK_FRAMES = 4
AHEAD_S = 0.5


def grey_of(frame: int) -> int:
    """The grey level that frame shows."""
    return 40 + (frame * 7) % 160


class H264:
    def __init__(self) -> None:
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
        context.time_base = Fraction(1, 16)
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1"}
        self.context = context

    def encode(self, frame: int) -> tuple[bytes, bool]:
        image = np.full((48, 64, 3), grey_of(frame), np.uint8)
        video = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        (packet,) = self.context.encode(video)
        return bytes(packet), bool(packet.is_keyframe)


class Double:
    """One session. Tests set `cut_at_frame` (the socket is cut after that frame) or `cut_at_control`."""

    def __init__(self, ssl: SSLContext | None = None) -> None:
        self.ssl = ssl
        self.noise: range = range(0)  # frames whose payload is replaced on its way
        self.starts: list[p.SessionStart] = []
        self.received: list[Any] = []
        self.restart()
        self.cut_at_frame: int | None = None
        self.cut_at_control: str | None = None  # "before" or "after" it is accepted
        self.close_with: tuple[int, str] | None = None
        self.socket: ServerConnection | None = None
        self.wake = asyncio.Event()
        self.seat = asyncio.Event()  # free, unless a test takes it
        self.seat.set()

    def restart(self) -> None:
        """Forget the session: the next connection begins a new one."""
        self.made: list[bytes] = []  # packets by frame index
        self.control_id = 0
        self.last_id = 0
        self.chunk = 0
        self.horizon = 0.0
        self.paused = False
        self.discontinuity = False
        self.encoder = H264()

    async def __aenter__(self) -> Double:
        self.server = await serve(
            self.handle, "127.0.0.1", 0, subprotocols=[p.SUBPROTOCOL], compression=None, ssl=self.ssl
        )
        self.url = f"http{'s' if self.ssl else ''}://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def handle(self, socket: ServerConnection) -> None:
        self.socket = socket
        start = p.parse_client_message(await socket.recv()).message
        assert isinstance(start, p.SessionStart)
        self.starts.append(start)
        if start.prompt_list and start.prompt_list[0].text == "refuse me":
            await socket.send(p.Error(code="unknown_model", message="there is no such model").to_json())
            await socket.close(1003)
            return
        await socket.send(p.Queue(position=1, size=1).to_json())
        await self.seat.wait()
        await socket.send(
            p.SessionReady(
                session="s1", resume_token="token", model="pocket", width=64, height=48, fps=FPS,
                chunk_frames=CHUNK_FRAMES, codec=p.Codec.H264, codec_string="avc1.42E01E", capabilities={},
                last_id=self.last_id,
            ).to_json()
        )  # fmt: skip
        if start.resume and self.paused:
            await socket.send(p.SessionPaused(chunk=self.chunk).to_json())
        self.paused = self.paused or start.paused
        sender = asyncio.create_task(
            self.generate(socket, (start.last_frame or 0) + 1 if start.resume else 0)
        )
        try:
            async for raw in socket:
                message = p.parse_client_message(raw).message
                self.received.append(message)
                await self.answer(socket, message)
        except ConnectionClosed:
            pass
        finally:
            sender.cancel()

    async def generate(self, socket: ServerConnection, next_frame: int) -> None:
        for data in self.made[next_frame:]:
            await socket.send(data)
        while True:
            while self.paused or len(self.made) / FPS - self.horizon >= AHEAD_S:
                self.wake.clear()
                await self.wake.wait()
            if not await self.make_chunk(socket):
                return

    async def make_chunk(self, socket: ServerConnection) -> bool:
        """False when the connection was cut within the chunk."""
        first = self.chunk * CHUNK_FRAMES
        if self.last_id > self.control_id:
            for id in range(self.control_id + 1, self.last_id + 1):
                await socket.send(p.ControlApplied(id=id, chunk=self.chunk, frame=first).to_json())
            self.control_id = self.last_id
        for frame in range(first, first + CHUNK_FRAMES):
            payload, key = self.encoder.encode(frame)
            flags = Flag.KEY if key else Flag(0)
            flags |= Flag.LAST_OF_CHUNK if frame == first + CHUNK_FRAMES - 1 else Flag(0)
            flags |= Flag.DISCONTINUITY if self.discontinuity else Flag(0)
            self.discontinuity = False
            pts_us = round(frame / FPS * 1e6)
            if frame in self.noise:
                payload = bytes((7 * index + 3) % 256 for index in range(len(payload)))
            data = pack(Packet(self.chunk, frame, pts_us, p.Codec.H264, payload, flags, self.control_id))
            self.made.append(data)
            if frame == self.cut_at_frame:
                self.cut_at_frame = None
                self.chunk += 1
                await self.finish_chunk(frame + 1, first + CHUNK_FRAMES)
                socket.transport.abort()
                return False
            await socket.send(data)
        self.chunk += 1
        return True

    async def finish_chunk(self, begin: int, end: int) -> None:
        """The rest of a chunk whose connection was cut: made, not sent."""
        for frame in range(begin, end):
            payload, key = self.encoder.encode(frame)
            flags = Flag.KEY if key else Flag(0)
            pts_us = round(frame / FPS * 1e6)
            packet = Packet(self.chunk - 1, frame, pts_us, p.Codec.H264, payload, flags, self.control_id)
            self.made.append(pack(packet))

    async def answer(self, socket: ServerConnection, message: Any) -> None:
        if isinstance(message, p.CONTROL_TYPES):
            await self.accept(socket, message)
        elif isinstance(message, p.Playhead):
            self.horizon = message.pts
            self.wake.set()
            if self.close_with is not None:
                code, reason = self.close_with
                self.close_with = None
                await socket.close(code, reason)
        elif isinstance(message, p.SessionPause):
            self.paused = True
            await socket.send(p.SessionPaused(id=message.id, chunk=self.chunk).to_json())
        elif isinstance(message, p.SessionResume):
            self.paused = False
            self.wake.set()
            await socket.send(p.SessionResumed(id=message.id, chunk=self.chunk).to_json())
        elif isinstance(message, p.SessionStep):
            for _ in range(message.chunks):
                await self.make_chunk(socket)
            await socket.send(p.SessionPaused(id=message.id, chunk=self.chunk).to_json())
        elif isinstance(message, p.SessionRewind):
            if message.chunk >= self.chunk:
                text = f"chunk {message.chunk} does not exist yet"
                error = p.Error(code="rewind_out_of_range", message=text, id=message.id)
                await socket.send(error.to_json())
                return
            self.chunk = message.chunk + 1
            del self.made[self.chunk * CHUNK_FRAMES :]
            self.encoder, self.discontinuity = H264(), True
            await socket.send(p.SessionRewound(id=message.id, chunk=message.chunk).to_json())
        elif isinstance(message, p.KeyFrame):
            self.encoder = H264()  # which begins with one
        elif isinstance(message, p.Probe):
            await socket.send(self.outline(message).to_json())
        else:
            await self.stop(socket, message)

    async def stop(self, socket: ServerConnection, message: Any) -> None:
        if isinstance(message, p.SessionStop):
            done = p.SessionDone(
                id=message.id,
                chunks=self.chunk,
                frames=len(self.made),
                reason="stopped",
                log="/v1/sessions/s1/log",
            )
            await socket.send(done.to_json())
            await socket.close(1000)

    @staticmethod
    def outline(probe: p.Probe) -> p.Outline:
        """A triangle on the left, with one more at each place that is to be added; nothing on the right."""
        corner = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6))
        region = (corner, *((place,) * 3 for place in probe.add or ())) if probe.x < 0.7 else ()
        return p.Outline(id=probe.id, x=probe.x, y=probe.y, region=region, label="fox")

    async def accept(self, socket: ServerConnection, message: Any) -> None:
        if self.cut_at_control == "before":
            self.cut_at_control = None
            socket.transport.abort()
            return
        if message.id is None:
            return
        if message.id <= self.last_id:
            text = f"id {message.id} is not greater than {self.last_id}"
            await socket.send(
                p.Error(code="id_not_increasing", message=text, id=message.id, field="id").to_json()
            )
            return
        if isinstance(message, p.TrackEnd) and message.track == 999:
            error = p.Error(code="unknown_track", message="no track 999", id=message.id, field="track")
            await socket.send(error.to_json())
            return
        self.last_id = message.id
        if isinstance(message, p.TrackBegin) and message.region is not None:
            await socket.send(p.TrackHeld(track=message.track, region=message.region).to_json())
        if self.cut_at_control == "after":
            self.cut_at_control = None
            socket.transport.abort()
            return
        await socket.send(p.ControlQueued(id=message.id, chunk=self.chunk).to_json())


def fast(server: Double, **options: Any) -> flowbrush.Stream:
    """A stream of it that gives packets as they come."""
    options = {"prompt": "a fox", "frames": "packets", "realtime": False} | options
    return flowbrush.connect(server.url, **options)
