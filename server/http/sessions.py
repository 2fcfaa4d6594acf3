"""What there is of each session, except its pictures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.messages import MAX_CHUNK
from flowbrush.server.http.answers import error_response, over_quota
from flowbrush.server.http.audit import audit
from flowbrush.server.http.bodies import JsonRoute
from flowbrush.server.http.context import Context, unknown
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.quotas import OverQuota
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.store import SessionRecord


def router(context: Context) -> APIRouter:
    """`/v1/sessions/{id}`, its log, branches, and marks for clips."""
    routes = APIRouter(prefix="/v1/sessions/{id}", route_class=JsonRoute)

    @routes.get("", summary="State of a session")
    async def session(id: str, request: Request) -> Response:
        live = context.running(request, id)
        if live is not None:
            return JSONResponse(_running(live))
        meta = await context.stored(request, id)
        return JSONResponse(_ended(meta)) if meta is not None else unknown(id)

    @routes.get("/log", summary="The session file: `flowbrush render` makes the video again")
    async def log(id: str, request: Request) -> Response:
        return await _log(context, id, request)

    @routes.post("/branch", status_code=201, summary="A new session from a chunk of this one")
    async def branch(
        id: str, request: Request, chunk: Annotated[int, Body(embed=True, strict=True, ge=0, le=MAX_CHUNK)]
    ) -> Response:
        return await _branch(context, id, request, chunk)

    @routes.post("/mark", summary="Has the next chunk begin with a key frame, for a clip from there")
    async def mark(id: str, request: Request) -> Response:
        return await _mark(context, id, request)

    return routes


async def _log(context: Context, id: str, request: Request) -> Response:
    service = context.service
    meta = await context.stored(request, id)
    await service.kept.settled(id)
    text = await context.read(id, lambda: service.session_file(id)) if meta is not None else None
    if text is None:
        return await context.missing(request, id, "log")
    audit("read.log", identity_of(request), session=id)
    return StreamingResponse(service.reading.stream(id, text), media_type="application/json")


async def _branch(context: Context, id: str, request: Request, chunk: int) -> Response:
    identity, service = identity_of(request), context.service
    parent = context.running(request, id)
    if parent is None:
        return await context.missing(request, id, "branch")
    try:
        context.quotas.check_branch(identity, parent.meta.model)
        with context.quotas.making(identity, branch=True):
            new, token, last_frame = await service.newcomers.branch(id, chunk)
    except OverQuota as over:
        return over_quota(over)
    except ProtocolError as error:
        status = 404 if error.code is ErrorCode.UNKNOWN_SESSION else 409
        return error_response(status, error.code, error.message, field=error.field)
    context.quotas.began(service.lives[new], identity)
    audit("session.branch", identity, session=new, of=id, chunk=chunk)
    return JSONResponse({"session": new, "resume_token": token, "last_frame": last_frame}, 201)


async def _mark(context: Context, id: str, request: Request) -> Response:
    live = context.running(request, id)
    if live is None:
        return await context.missing(request, id, "next chunk")
    if live.recording is None or live.recording.full:
        text = "this session is not recorded" if live.recording is None else "the recording is full"
        return error_response(409, ErrorCode.UNSUPPORTED, text)
    context.service.want_key(live)
    audit("session.mark", identity_of(request), session=id, chunk=live.session.upcoming)
    return JSONResponse({"chunk": live.session.upcoming})


def _running(live: SessionHost) -> dict[str, Any]:
    session = live.session
    return {
        "session": live.id,
        "model": live.meta.model,
        "state": "paused" if session.pace.stands and session.phase == "ready" else str(session.phase),
        "connected": live.outbox is not None,
        "viewers": len(live.viewers) + len(live.jpeg_viewers),
        "chunks": session.output.chunks,
        "frames": session.output.frame,
        "width": live.meta.width,
        "height": live.meta.height,
        "fps": live.meta.fps,
        "codec": live.meta.codec,
        "recorded_bytes": live.recording.bytes if live.recording is not None else 0,
    }


def _ended(meta: SessionRecord) -> dict[str, Any]:
    return {
        "session": meta.id,
        "model": meta.model,
        "state": "elsewhere" if meta.ended is None else "done",
        "reason": meta.ended,
        "frames": meta.frames,
    }
