"""A server that speaks the protocol and draws a toy instead of running a model.

It stands in for `flowbrush serve` where a test of the page needs to know every pixel, or needs the server to
fail on cue. Messages are parsed by the real parser, so a page that sends anything wrong fails the test.
By hand: `PYTHONPATH=. python tests/web/stream_double.py 8123`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import random
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import uvicorn
from fastapi import FastAPI, Request, Response, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image
from toy_world import CHUNK, FPS, HEIGHT, WIDTH, ToyWorld

from flowbrush.packets import HEADER_BYTES, Flag, Packet, pack
from flowbrush.protocol import CONTROL_TYPES, Codec, ProtocolError, parse_client_message

WEB = Path(__file__).parents[2] / "web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PICTURE = "/web/gallery/beach-ball.webp"
MODEL: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "width": WIDTH,
    "height": HEIGHT,
    "fps": FPS,
    "capabilities": {
        "text": True,
        "image": True,
        "drag": True,
        "pin": True,
        "path": True,
        "camera": True,
        "rewind": True,
        "probe": True,
    },
    "sizes": [[WIDTH, HEIGHT], [HEIGHT, WIDTH], [256, 256]],
    "examples": ["a ball on stripes", "a ball at night", {"prompt": "a beach ball", "image": PICTURE}],
}
MODELS = [MODEL]


class Stream:
    """One session: a toy world, its history, the encoder, and what came from the client."""

    def __init__(self, double: StreamDouble, start: Any) -> None:
        self.double = double
        self.model = start.model
        words = " + ".join(prompt.text for prompt in start.prompt_list)
        self.world = ToyWorld(words, double.size_for(start))
        self.history = {-1: self.world.copy()}
        self.codec = Codec.H264 if Codec.H264 in start.known_codecs else Codec.JPEG
        self.paused = start.paused
        self.steps = 0
        self.step_id: int | None = None
        self.inbox: list[Any] = []
        self.last_id = 0  # of the controls that came
        self.shown_id = 0  # of those that the newest chunk shows
        self.playhead: tuple[float, float] | None = None  # pts, buffered
        self.began = time.monotonic()
        self.jump = self.want_key = False
        self.packets: list[bytes] = []
        self._open_encoder()

    def _open_encoder(self) -> None:
        self.encoder = av.codec.CodecContext.create("libx264" if self.codec == Codec.H264 else "mjpeg", "w")
        self.encoder.width, self.encoder.height = self.world.size
        self.encoder.pix_fmt = "yuv420p" if self.codec == Codec.H264 else "yuvj420p"
        self.encoder.time_base, self.encoder.framerate = Fraction(1, FPS), Fraction(FPS)
        self.encoder.thread_count = 1
        if self.codec == Codec.H264:
            params = {"x264-params": "keyint=64:scenecut=0:repeat-headers=1", "profile": "baseline"}
            self.encoder.options = {"preset": "superfast", "tune": "zerolatency", "crf": "18", **params}
        self.encoder.open()
        self.encoded = 0

    def ready(self) -> dict[str, Any]:
        return {
            **{"type": "session.ready", "protocol": 1, "session": "toy-1", "resume_token": "toy-token"},
            **{"model": self.model, "width": self.world.size[0], "height": self.world.size[1]},
            **{"fps": FPS, "chunk_frames": CHUNK},
            "codec": self.codec.value,
            "codec_string": self.double.codec_string if self.codec == Codec.H264 else "",
            "last_id": self.last_id,
            "prompts": self.prompts,
            "capabilities": MODEL["capabilities"],
            "examples": MODEL["examples"],
            "limits": {},
        }

    @property
    def prompts(self) -> list[dict[str, Any]]:
        return [{"text": self.world.prompt, "weight": 1}] if self.world.prompt else []

    def due(self) -> bool:
        """Whether the next chunk must start, so that the buffer does not run dry."""
        if self.paused:
            return self.steps > 0
        end = self.world.chunk * CHUNK / FPS
        if self.playhead is None:
            return end <= time.monotonic() - self.began  # nobody plays: real time
        return end - self.playhead[0] <= 0.12 + CHUNK / FPS * 0.5

    def make(self) -> tuple[list[bytes], list[dict[str, Any]]]:
        began = time.monotonic()
        controls, self.inbox = self.inbox, []
        held = []
        for control in controls:
            missed = control.type == "track.begin" and not self.double.grabs
            if not missed and self.world.control(control):
                held.append({"type": "track.held", "track": control.track, "region": self.world.region()})
            self.shown_id = control.id or self.shown_id
        chunk = self.world.chunk
        first = chunk * CHUNK
        frames = self.world.make_chunk()
        self.history[chunk] = self.world.copy()
        packets = [self._encode(frame, chunk, first + index, began) for index, frame in enumerate(frames)]
        ms = (time.monotonic() - began) * 1000
        applied = [
            {"type": "control.applied", "id": c.id, "chunk": chunk, "frame": first} for c in controls if c.id
        ]
        self.steps = max(0, self.steps - 1)
        info = {
            "type": "chunk", "chunk": chunk, "first_frame": first, "frames": CHUNK, "pts": first / FPS,
            "generate_ms": ms * 0.6, "decode_ms": ms * 0.2, "encode_ms": ms * 0.2, "queue_ms": 0.1,
            "prompt": self.world.prompt,
        }  # fmt: skip
        return packets, [*held, *applied, info]

    def _encode(self, rgb: Any, chunk: int, frame: int, began: float) -> bytes:
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format=self.encoder.pix_fmt, threads=1
        )
        picture.pts = self.encoded
        picture.time_base = self.encoder.time_base
        if self.jump or self.want_key:
            picture.pict_type = av.video.frame.PictureType.I
        self.encoded += 1
        (encoded,) = self.encoder.encode(picture)
        packet = Packet(
            codec=self.codec,
            flags=self._flags(encoded.is_keyframe, frame),
            chunk=chunk,
            frame=frame,
            control_id=self.shown_id,
            pts_us=round(frame / FPS * 1e6),
            age_us=round((time.monotonic() - began) * 1e6),
            payload=bytes(encoded),
        )
        self.jump = self.want_key = False
        return pack(packet)

    def _flags(self, key: bool, frame: int) -> Flag:
        last = Flag.LAST_OF_CHUNK if frame % CHUNK == CHUNK - 1 else Flag(0)
        return (Flag.KEY if key else Flag(0)) | last | (Flag.DISCONTINUITY if self.jump else Flag(0))

    def go_to(self, chunk: int) -> None:
        self.world = self.history[chunk].copy()
        self.history = {index: world for index, world in self.history.items() if index <= chunk}
        self.inbox.clear()
        self.playhead = (self.world.chunk * CHUNK / FPS, 0.0)
        self.jump = True

    def rewind(self, chunk: int) -> dict[str, Any]:
        """Back to the end of a chunk; the answer."""
        if chunk not in self.history:
            return {"type": "error", "code": "rewind_out_of_range", "message": "not made yet"}
        self.go_to(chunk)
        self.packets = self.packets[: (chunk + 1) * CHUNK]
        return {"type": "session.rewound", "chunk": chunk, "prompts": self.prompts}


class StreamDouble:
    """The application. Tests set its attributes to make it fail, and read `received` and `refused`."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.refused: list[str] = []
        self.images: list[tuple[int, int]] = []  # sizes of what was uploaded
        self.corners: list[Any] = []  # and colours of their top left corners
        self.codec_string = "avc1.42c01e"
        self.queue = 0  # place in the queue; a session starts when it is 0
        self.reject: dict[str, Any] | None = None  # an `error` to answer session.start with
        self.away = False  # refuse connections, as a server that is being restarted
        self.silent = False  # answer nothing to session.start, as a server that loads its model
        self.slow_s = 0.0  # a chunk takes at least so long
        self.outlines = True  # whether probes are answered
        self.grabs = True  # whether hands get hold of the ball
        self.probe_s = 0.0  # an outline takes so long
        self.probes = self.most_probes = 0  # under way
        self.noise = 0  # payloads that are replaced by noise on their way
        self.sessions: dict[str, Stream] = {}
        self.sockets: set[WebSocket] = set()
        self.tasks: list[asyncio.Task[None]] = []
        self.app = self._build()

    def _build(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def policy(request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            response.headers["Content-Security-Policy"] = POLICY
            asset = "/web/" in request.url.path
            response.headers["Cache-Control"] = "max-age=3600" if asset else "no-store"
            return response

        app.get("/")(lambda: FileResponse(WEB / "index.html"))
        app.get("/v1/models")(lambda: {"models": MODELS})

        @app.post("/v1/images", status_code=201)
        async def images(file: UploadFile) -> dict[str, str]:
            with Image.open(file.file) as image:
                self.images.append(image.size)
                self.corners.append(image.convert("RGB").getpixel((0, 0)))
            return {"id": f"image{len(self.images)}"}

        @app.post("/v1/tokens")
        async def tokens() -> Response:
            if self.away:
                error = {"code": "origin_refused", "message": "pages of this address may not connect"}
                return JSONResponse({"error": error}, 403)
            return JSONResponse({"token": "t", "expires_s": 60})

        @app.get("/v1/sessions/toy-1/frame.jpg")
        async def frame() -> Response:
            data = io.BytesIO()
            Image.fromarray(self.sessions["toy-token"].world.newest()).save(data, "JPEG", quality=95)
            return Response(data.getvalue(), media_type="image/jpeg")

        app.websocket("/v1/stream")(self._stream)
        app.mount("/web", StaticFiles(directory=WEB))
        outer = FastAPI()
        outer.mount("/flow", app)  # as behind a proxy that gives it a folder
        outer.mount("/", app)
        return outer

    async def _stream(self, socket: WebSocket) -> None:
        if self.away:
            await socket.close()
            return
        await socket.accept(subprotocol="flowbrush.v1")
        self.sockets.add(socket)
        try:
            stream = await self._start(socket)
            if stream is not None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(socket, stream))
                    group.create_task(self._generate(socket, stream))
        except* (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.sockets.discard(socket)

    async def _start(self, socket: WebSocket) -> Stream | None:
        start = parse_client_message(await socket.receive_text()).message
        self.received.append(start)
        told = 0
        while self.queue or self.silent:
            if self.queue != told:
                told = self.queue
                await socket.send_json({"type": "queue", "position": told, "size": 3})
            await asyncio.sleep(0.02)
        if self.reject:
            await socket.send_json({"type": "error", **self.reject})
            await socket.close(1013 if self.reject.get("retryable") else 1008)
            return None
        stream = self.sessions.get(start.resume or "") or Stream(self, start)
        if start.resume:
            stream.playhead = ((start.last_frame + 1) / FPS, 0.0)  # the client has nothing else
        self.sessions["toy-token"] = stream
        await socket.send_json(stream.ready())
        if start.resume and stream.paused:
            await socket.send_json({"type": "session.paused", "chunk": stream.world.chunk})
        for packet in stream.packets[(start.last_frame if start.last_frame is not None else -1) + 1 :]:
            await socket.send_bytes(packet)
        return stream

    async def _listen(self, socket: WebSocket, stream: Stream) -> None:
        while True:
            text = await socket.receive_text()
            try:
                message = parse_client_message(text).message
            except ProtocolError as error:
                self.refused.append(f"{error}: {text[:300]}")
                answer = {"type": "error", "code": error.code, "message": error.message, "id": error.id}
                await socket.send_json(answer)
                continue
            self.received.append(message)
            if isinstance(message, CONTROL_TYPES):
                stream.inbox.append(message)
                stream.last_id = message.id or stream.last_id
                await socket.send_json(
                    {"type": "control.queued", "id": message.id, "chunk": stream.world.chunk}
                )
            else:
                await self._command(socket, stream, message)

    async def _command(self, socket: WebSocket, stream: Stream, message: Any) -> None:
        reply = {"id": getattr(message, "id", None), "chunk": stream.world.chunk}
        match message.type:
            case "playhead":
                stream.playhead = (message.pts, message.buffered)
            case "ping":
                await socket.send_json({"type": "pong", "sent_us": message.sent_us})
            case "keyframe":
                stream.want_key = True
            case "probe" if not self.outlines:
                error = {"code": "unsupported", "message": "this model cannot do probe", "id": message.id}
                await socket.send_json({"type": "error", **error})
            case "probe":
                self.tasks.append(asyncio.create_task(self._answer(socket, stream, message)))
            case "session.pause":
                stream.paused = True
                await socket.send_json({"type": "session.paused", **reply})
            case "session.resume":
                stream.paused = False
                await socket.send_json({"type": "session.resumed", **reply})
            case "session.step":
                stream.steps, stream.step_id = message.chunks, message.id
            case "session.rewind":
                await socket.send_json({**reply, **stream.rewind(message.chunk)})
            case "session.reset":
                stream.go_to(-1)
                stream.packets = []
                reply |= {"chunk": 0, "prompts": stream.prompts}
                await socket.send_json({"type": "session.restarted", **reply})
            case "session.stop":
                await socket.close(1000)

    async def _generate(self, socket: WebSocket, stream: Stream) -> None:
        while True:
            if not stream.due():
                await asyncio.sleep(0.01)
                continue
            began = time.monotonic()
            packets, messages = stream.make()
            await asyncio.sleep(max(0.0, self.slow_s - (time.monotonic() - began)))
            stream.packets += packets
            for message in messages:
                await socket.send_json(message)
            for packet in packets:
                await socket.send_bytes(self._on_the_way(packet))
            if stream.step_id and stream.steps == 0:
                answer = {"type": "session.paused", "id": stream.step_id, "chunk": stream.world.chunk}
                stream.step_id = None
                await socket.send_json(answer)

    async def _answer(self, socket: WebSocket, stream: Stream, probe: Any) -> None:
        self.probes += 1
        self.most_probes = max(self.most_probes, self.probes)
        await asyncio.sleep(self.probe_s)
        self.probes -= 1
        answer = {"type": "outline", "id": probe.id, "x": probe.x, "y": probe.y}
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it may have left by now
            await socket.send_json({**answer, **stream.world.outline(probe)})

    def _on_the_way(self, packet: bytes) -> bytes:
        if not self.noise:
            return packet
        self.noise -= 1
        return packet[:HEADER_BYTES] + bytes(random.randrange(256) for _ in packet[HEADER_BYTES:])

    def size_for(self, start: Any) -> tuple[int, int]:
        """The size that was asked for, else the one that fits the shape of the start image, else the usual one."""
        if start.width:
            return start.width, start.height
        if start.image is None:
            return WIDTH, HEIGHT
        width, height = self.images[int(start.image.removeprefix("image")) - 1]
        sizes = [tuple(size) for size in MODEL["sizes"]]
        return min(sizes, key=lambda size: abs(math.log(size[0] / size[1] * height / width)))

    async def drop_connections(self) -> None:
        """Closes every WebSocket as a lost network would: without a reason."""
        for socket in list(self.sockets):
            await socket.close(1011)


if __name__ == "__main__":
    uvicorn.run(StreamDouble().app, port=int(sys.argv[1]), ws_per_message_deflate=False, log_level="warning")
