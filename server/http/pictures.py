"""The pictures of a session: its recording, its newest frame, and MJPEG for those who look on."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterable, AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers

from flowbrush.errors import ErrorCode
from flowbrush.messages import MAX_CHUNK
from flowbrush.protocol import Codec
from flowbrush.server.delivery.clips import Clip, clip
from flowbrush.server.delivery.playable import NotPlayable
from flowbrush.server.http.answers import error_response, over_quota
from flowbrush.server.http.audit import audit
from flowbrush.server.http.context import Context
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.quotas import OverQuota
from flowbrush.server.http.ranges import serve_file
from flowbrush.server.http.stills import show_jpegs
from flowbrush.server.sessions.refused import reason
from flowbrush.server.sessions.service import Service
from flowbrush.server.sessions.session_host import LatestJpeg, SessionHost
from flowbrush.server.store.storage import StorageLate
from flowbrush.server.store.store import SessionRecord, size_of

BOUNDARY = "frame"
MP4 = "video/mp4"


def router(context: Context) -> APIRouter:
    """`recording.mp4`, `frame.jpg` and `watch.mjpeg` of a session."""
    routes = APIRouter(prefix="/v1/sessions/{id}")
    dispatchers = context.service.dispatchers

    @routes.get("/recording.mp4", summary="The video so far, or the chunks `first` to `last` of it, as H.264")
    async def recording(
        id: str,
        request: Request,
        first: Annotated[int | None, Query(ge=0, le=MAX_CHUNK)] = None,
        last: Annotated[int | None, Query(ge=0, le=MAX_CHUNK)] = None,
    ) -> Response:
        part = None if first is None and last is None else (first or 0, MAX_CHUNK if last is None else last)
        return await _recording(context, id, request, part)

    @routes.get("/frame.jpg", summary="The newest frame")
    async def frame(id: str, request: Request) -> Response:
        live = context.running(request, id)
        still = await dispatchers.of(live).still(live, Codec.JPEG) if live is not None else None
        if still is None:
            return await context.missing(request, id, "frame")
        return Response(still[1], media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @routes.get("/watch.mjpeg", summary="Look on, as MJPEG")
    async def mjpeg(id: str, request: Request) -> Response:
        return await _watch(context, id, request)

    return routes


async def _recording(context: Context, id: str, request: Request, chunks: tuple[int, int] | None) -> Response:
    """All of it, or its `chunks`, the first and the last."""
    meta = await context.stored(request, id)
    path = context.service.store.recording(id)
    size = await _recorded(context, id, path) if meta is not None else 0
    if meta is None or size == 0:
        return await context.missing(request, id, "recording")
    try:
        part = await _part(context, id, path, size, chunks)
        if chunks is not None and part is None:
            to = "on" if chunks[1] == MAX_CHUNK else f"to {chunks[1]}"
            text = f"no chunk from {chunks[0]} {to} is recorded"
            return error_response(404, ErrorCode.OUT_OF_RANGE, text)
        audit("read.recording", identity_of(request), session=id)
        context.quotas.check_sent(identity_of(request))
        video = await _video(context, meta, path, size, part, request.headers)
        return _metered(context, request, video)
    except OverQuota as over:
        return over_quota(over)
    except NotPlayable as error:
        return error_response(500, ErrorCode.INTERNAL, str(error))
    except OSError as error:
        return _not_made(error)


async def _watch(context: Context, id: str, request: Request) -> Response:
    live = context.running(request, id)
    if live is None:
        return await context.missing(request, id, "live view")
    try:
        context.quotas.check_sent(identity_of(request))
    except OverQuota as over:
        return over_quota(over)
    audit("session.watch", identity_of(request), session=id)
    pictures = _pictures(context.service, live)
    kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
    return _metered(context, request, StreamingResponse(pictures, media_type=kind))


def _metered(context: Context, request: Request, response: Response) -> Response:
    """The same answer; what is sent of it counts, and it ends where the quota does."""
    if isinstance(response, StreamingResponse):
        response.body_iterator = _counted(response.body_iterator, context, identity_of(request).account)
    return response


async def _counted(blocks: AsyncIterable[Any], context: Context, account: str) -> AsyncIterator[bytes]:
    async for block in blocks:
        yield block
        try:
            context.quotas.sent(account, len(block))
        except OverQuota:
            return


async def _video(
    context: Context, meta: SessionRecord, path: Path, size: int, part: Clip | None, asked: Headers
) -> Response:
    """The recording or a part of it; what is not H.264 is made so. Raises NotPlayable and OSError."""
    reading, final = context.service.reading, meta.id not in context.service.lives
    if meta.codec is not Codec.H264:
        made = await context.playable.file(meta.id, path, size, part)
        length = (await reading.run(meta.id, made.stat)).st_size
        return await serve_file(reading, meta.id, made, length, asked, MP4, final=final)
    if part is None:
        return await serve_file(reading, meta.id, path, size, asked, MP4, final=final)
    headers = {"Content-Length": str(part.size), "Cache-Control": "no-store"}
    return StreamingResponse(reading.stream(meta.id, part.blocks()), 200, headers, media_type=MP4)


async def _recorded(context: Context, id: str, path: Path) -> int:
    """How many bytes of the recording are complete, those of what was made until now included."""
    await context.service.kept.settled(id)
    live = context.service.lives.get(id)
    if live is not None and live.recording is not None:
        return live.recording.bytes
    return await context.service.reading.run(id, partial(size_of, path))


async def _part(
    context: Context, id: str, path: Path, size: int, chunks: tuple[int, int] | None
) -> Clip | None:
    """What is wanted of the recording; None for all of it, or where it has none of these chunks."""
    if chunks is None:
        return None
    return await context.service.reading.run(id, partial(clip, path, size, *chunks))


def _not_made(error: OSError) -> Response:
    """The answer where the video cannot be made. Raises StorageLate again, which is answered elsewhere."""
    if isinstance(error, StorageLate):
        raise error
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    what = "the video cannot be made" if full else "the recording cannot be had"
    status, code = (507, "no_space") if full else (503, ErrorCode.BUSY)
    return error_response(status, code, f"{what}: {reason(error)}", retry_after_s=60.0)


async def _pictures(service: Service, live: SessionHost) -> AsyncIterator[bytes]:
    viewer = LatestJpeg()
    live.jpeg_viewers.add(viewer)
    stills = asyncio.create_task(show_jpegs(service, live, viewer))
    try:
        while (picture := await viewer.next()) is not None:
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            yield head.encode() + picture + b"\r\n"
    finally:
        stills.cancel()
        live.jpeg_viewers.discard(viewer)
