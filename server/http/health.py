"""Whether the server lives, whether a newcomer would get a seat, and its figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from flowbrush.server.sessions.service import Service


def router(service: Service) -> APIRouter:
    """`/healthz`, `/readyz`, `/metrics`."""
    routes = APIRouter()

    def storage() -> str:
        """What the disk under the state folder does; a restart does not mend it."""
        disk, refused = service.storage, service.trial.refused
        if disk.hangs:
            return f"no answer for {disk.silent_s:.0f} s"
        return f"takes nothing: {refused}" if refused else "ok"

    @routes.get("/healthz", summary="The process lives, and has workers")
    async def healthz() -> JSONResponse:
        missed = service.dispatchers.missed
        return JSONResponse({"status": missed or "ok", "storage": storage()}, 503 if missed else 200)

    @routes.get("/readyz", summary="A worker is warm and a newcomer would get a seat")
    async def readyz() -> JSONResponse:
        slots = [each.slots for each in service.dispatchers]
        seats, free = sum(each.total for each in slots), sum(each.free for each in slots)
        body: dict[str, Any] = {"ready": service.ready, "seats": seats, "free": free}
        body["storage"] = storage()
        if service.dispatchers.broken is not None:
            body["error"] = service.dispatchers.broken
        return JSONResponse(body, 200 if service.ready else 503)

    @routes.get("/metrics", summary="Prometheus text")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
