"""The REST side: health, metrics, models, uploads, and what there is of each session."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.protocol import Codec
from server.delivery.clips import clip
from server.http.auth import Gate
from server.http.stream import error_response, refusal
from server.sessions.live import LatestJpeg, Live
from server.sessions.service import Service
from server.store.images import BadImage

BLOCK = 1 << 18
MAX_CHUNK = 2**32 - 1
BOUNDARY = "frame"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Refusal(Exception):
    """Carries the answer to a request that is not let in."""

    def __init__(self, response: JSONResponse) -> None:
        super().__init__("refused")
        self.response = response


def router(service: Service, gate: Gate) -> APIRouter:
    """All REST routes; those under /v1 need a key where the server has keys."""

    def keyed(request: Request) -> None:
        refused = refusal(
            gate, request, token=request.url.path.endswith(("frame.jpg", "mjpeg", "mp4", "/log"))
        )
        if refused is not None:
            raise Refusal(refused)

    routes = APIRouter()
    v1 = APIRouter(prefix="/v1", dependencies=[Depends(keyed)])
    _add_health(routes, service, keyed)
    _add_models(v1, service, gate)
    _add_sessions(v1, service)
    _add_pictures(v1, service)
    routes.include_router(v1)
    return routes


def _add_health(routes: APIRouter, service: Service, keyed: Any) -> None:
    @routes.get("/healthz", summary="The process lives")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="A worker is warm and a seat can be had")
    def readyz() -> JSONResponse:
        seats = service.dispatcher.seats
        body: dict[str, Any] = {"ready": service.ready, "seats": seats.total, "free": seats.free}
        if service.dispatcher.broken is not None:
            body["error"] = service.dispatcher.broken
        return JSONResponse(body, 200 if service.ready else 503)

    @routes.get("/metrics", summary="Prometheus text", dependencies=[Depends(keyed)])
    def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_models(v1: APIRouter, service: Service, gate: Gate) -> None:
    @v1.get("/models", summary="The models, what they can do, whether their weights are here")
    def models() -> dict[str, Any]:
        from models.registry import CARDS  # torch-free

        cards = [
            card.public() for card in CARDS.values() if not card.random or card.name == service.settings.model
        ]
        return {"models": [{**card, "loaded": card["name"] == service.settings.model} for card in cards]}

    @v1.post("/tokens", summary="A short-lived token for a WebSocket of a browser")
    def tokens() -> dict[str, Any]:
        return {"token": gate.issue(), "expires_s": gate.token_s}

    @v1.post("/images", status_code=201, summary="Upload a start image")
    async def upload(file: UploadFile) -> Response:
        data = await file.read(service.images.max_bytes + 1)
        if len(data) > service.images.max_bytes:
            text = f"the file is too large: at most {service.images.max_bytes} bytes are taken"
            return error_response(413, ErrorCode.TOO_LARGE, text)
        try:
            id = await asyncio.to_thread(service.images.add, data)
        except BadImage as error:
            return error_response(422, ErrorCode.INVALID_VALUE, str(error))
        return JSONResponse({"id": id}, 201)


def _add_sessions(v1: APIRouter, service: Service) -> None:
    @v1.get("/sessions/{id}", summary="State of a session")
    def session(id: str) -> Response:
        live = service.lives.get(id)
        if live is not None:
            return JSONResponse(_state(live))
        meta = service.store.read(id) if _is_id(id) else None
        if meta is None:
            return _unknown(id)
        body = {
            "session": id,
            "model": meta.model,
            "state": "done",
            "reason": meta.ended,
            "frames": meta.frames,
        }
        return JSONResponse(body)

    @v1.get("/sessions/{id}/log", summary="The session file: `flowbrush render` makes the video again")
    async def log(id: str) -> Response:
        file = await asyncio.to_thread(service.session_file, id) if _is_id(id) else None
        if file is None:
            return _unknown(id)
        return Response(file.to_json(), media_type="application/json")

    @v1.post("/sessions/{id}/branch", status_code=201, summary="A new session from a chunk of this one")
    def branch(id: str, chunk: Annotated[int, Body(embed=True, ge=0)]) -> Response:
        try:
            new, token, last_frame = service.branch(id, chunk)
        except ProtocolError as error:
            return error_response(
                404 if error.code is ErrorCode.UNKNOWN_SESSION else 409, error.code, error.message
            )
        return JSONResponse({"session": new, "resume_token": token, "last_frame": last_frame}, 201)


def _add_pictures(v1: APIRouter, service: Service) -> None:
    @v1.get("/sessions/{id}/recording.mp4", summary="The video so far, or the chunks `first` to `last` of it")
    def recording(
        id: str,
        request: Request,
        first: Annotated[int | None, Query(ge=0)] = None,
        last: Annotated[int, Query(ge=0)] = MAX_CHUNK,
    ) -> Response:
        live = service.lives.get(id)
        path = service.store.recording(id) if _is_id(id) else Path("/nonexistent")
        size = live.recording.bytes if live is not None and live.recording is not None else _size(path)
        if size == 0:
            return _unknown(id)
        if first is None:
            return _growing_file(path, size, request.headers.get("range"))
        found = clip(path, size, first, last)
        if found is None:
            text = f"no chunk from {first} to {last} is recorded"
            return error_response(404, ErrorCode.OUT_OF_RANGE, text)
        headers = {"Content-Length": str(found.size), "Cache-Control": "no-store"}
        return StreamingResponse(found.blocks(), 200, headers, media_type="video/mp4")

    @v1.post(
        "/sessions/{id}/mark", summary="Has the next chunk begin with a key frame, for a clip from there"
    )
    async def mark(id: str) -> Response:
        live = service.lives.get(id)
        if live is None:
            return _unknown(id)
        if live.recording is None or live.recording.full:
            text = "this session is not recorded" if live.recording is None else "the recording is full"
            return error_response(409, ErrorCode.UNSUPPORTED, text)
        live.session.want_key = True
        return JSONResponse({"chunk": live.session.upcoming})

    @v1.get("/sessions/{id}/frame.jpg", summary="The newest frame")
    async def frame(id: str) -> Response:
        live = service.lives.get(id)
        still = await service.dispatcher.still(live, Codec.JPEG) if live is not None else None
        if still is None:
            return _unknown(id)
        return Response(still[1], media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @v1.get("/sessions/{id}/watch.mjpeg", summary="Look on, as MJPEG")
    async def mjpeg(id: str) -> Response:
        live = service.lives.get(id)
        if live is None:
            return _unknown(id)
        still = await service.dispatcher.still(live, Codec.JPEG) if live.stands else None
        return StreamingResponse(
            _pictures(live, still and still[1]), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        )


def _state(live: Live) -> dict[str, Any]:
    session = live.session
    return {
        "session": live.id,
        "model": live.meta.model,
        "state": "paused" if session.paused and session.phase == "ready" else str(session.phase),
        "connected": live.outbox is not None,
        "viewers": len(live.viewers) + len(live.jpeg_viewers),
        "chunks": session.frame // session.chunk_frames,
        "frames": session.frame,
        "width": live.meta.width,
        "height": live.meta.height,
        "fps": live.meta.fps,
        "codec": live.meta.codec,
        "recorded_bytes": live.recording.bytes if live.recording is not None else 0,
    }


async def _pictures(live: Live, first: bytes | None) -> AsyncIterator[bytes]:
    viewer = LatestJpeg()
    if first is not None:
        viewer.put(first)
    live.jpeg_viewers.add(viewer)
    try:
        while (picture := await viewer.next()) is not None:
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            yield head.encode() + picture + b"\r\n"
    finally:
        live.jpeg_viewers.discard(viewer)


def _growing_file(path: Path, size: int, wanted: str | None) -> Response:
    """The first `size` bytes of a file that may grow meanwhile, or the range of them that is wanted."""
    first, last, status = 0, size - 1, 200
    match = _RANGE.fullmatch(wanted or "")
    if match and match[0] != "bytes=-":
        if match[1]:
            first, last = int(match[1]), min(size - 1, int(match[2]) if match[2] else size - 1)
        else:
            first = max(0, size - int(match[2]))
        if first > last:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        status = 206

    def blocks() -> Any:
        left = last - first + 1
        with open(path, "rb") as file:
            file.seek(first)
            while left > 0 and (block := file.read(min(BLOCK, left))):
                left -= len(block)
                yield block

    headers = {"Content-Length": str(last - first + 1), "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return StreamingResponse(blocks(), status, headers, media_type="video/mp4")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_id(id: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]{1,64}", id) is not None


def _unknown(id: str) -> JSONResponse:
    return error_response(404, ErrorCode.UNKNOWN_SESSION, f"nothing is here of a session {id[:64]!r}")
