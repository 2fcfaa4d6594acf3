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
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image
from toy_stream import MODEL, ToyStream
from toy_world import FPS, HEIGHT, WIDTH

from flowbrush.packets import HEADER_BYTES
from flowbrush.protocol import CONTROL_TYPES, ProtocolError, parse_client_message

WEB = Path(__file__).parents[2] / "web"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MODELS = [MODEL]


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
        self.models_s = 0.0  # what it has takes so long to tell
        self.slow_s = 0.0  # a chunk takes at least so long
        self.outlines = True  # whether probes are answered
        self.grabs = True  # whether hands get hold of the ball
        self.probe_s = 0.0  # an outline takes so long
        self.probes = self.most_probes = 0  # under way
        self.noise = 0  # payloads that are replaced by noise on their way
        self.sessions: dict[str, ToyStream] = {}
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

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            await asyncio.sleep(self.models_s)
            return {"models": MODELS}

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

    async def _start(self, socket: WebSocket) -> ToyStream | None:
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
        stream = self.sessions.get(start.resume or "") or self._begin(start)
        if start.resume:
            stream.playhead = ((start.last_frame + 1) / FPS, 0.0)  # the client has nothing else
        self.sessions["toy-token"] = stream
        await socket.send_json(stream.ready())
        if start.resume and stream.paused:
            await socket.send_json({"type": "session.paused", "chunk": stream.world.chunk})
        for packet in stream.packets[(start.last_frame if start.last_frame is not None else -1) + 1 :]:
            await socket.send_bytes(packet)
        return stream

    async def _listen(self, socket: WebSocket, stream: ToyStream) -> None:
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

    async def _command(self, socket: WebSocket, stream: ToyStream, message: Any) -> None:
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

    async def _generate(self, socket: WebSocket, stream: ToyStream) -> None:
        while True:
            if not stream.due():
                await asyncio.sleep(0.01)
                continue
            began = time.monotonic()
            packets, messages = stream.make()
            stream.packets += packets  # at once: who is cancelled while waiting must have lost none of them
            jumps = stream.jumps
            await asyncio.sleep(max(0.0, self.slow_s - (time.monotonic() - began)))
            if stream.jumps != jumps:
                continue  # it went back meanwhile, and has said so: nothing comes of what was made after that
            for message in messages:
                await socket.send_json(message)
            for packet in packets:
                await socket.send_bytes(self._on_the_way(packet))
            if stream.step_id and stream.steps == 0:
                answer = {"type": "session.paused", "id": stream.step_id, "chunk": stream.world.chunk}
                stream.step_id = None
                await socket.send_json(answer)

    async def _answer(self, socket: WebSocket, stream: ToyStream, probe: Any) -> None:
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

    def _begin(self, start: Any) -> ToyStream:
        return ToyStream(start, self._size_for(start), self.codec_string, lambda: self.grabs)

    def _size_for(self, start: Any) -> tuple[int, int]:
        """The size that was asked for, else the one that fits the shape of the start image, else the usual one."""
        if start.width:
            return start.width, start.height
        if start.image is None:
            return WIDTH, HEIGHT
        width, height = self.images[int(start.image.removeprefix("image")) - 1]
        sizes = [tuple(size) for size in MODEL["sizes"]]
        return min(sizes, key=lambda size: abs(math.log(size[0] / size[1] * height / width)))

    async def fail_streams(self) -> None:
        """Ends every stream as a server does whose model cannot go on."""
        for socket in list(self.sockets):
            error = {"code": "generation_failed", "message": "three times over", "retryable": False}
            await socket.send_json({"type": "error", **error})
            await socket.send_json(
                {"type": "session.done", "reason": error["code"], "chunks": 0, "frames": 0, "log": ""}
            )
            await socket.close(1011, "generation_failed")

    async def drop_connections(self) -> None:
        """Closes every WebSocket as a lost network would: without a reason."""
        for socket in list(self.sockets):
            await socket.close(1011)


if __name__ == "__main__":
    uvicorn.run(StreamDouble().app, port=int(sys.argv[1]), ws_per_message_deflate=False, log_level="warning")
