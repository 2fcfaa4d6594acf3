"""The models, tokens, and uploads."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from flowbrush.models.cards.registry import CARDS  # torch-free
from flowbrush.server.http.answers import error_response
from flowbrush.server.http.audit import audit
from flowbrush.server.http.auth import NotAllowed
from flowbrush.server.http.bodies import CompressedRoute, JsonRoute
from flowbrush.server.http.context import Context
from flowbrush.server.http.door import identity_of
from flowbrush.server.http.identity import Role
from flowbrush.server.source.tracking import with_tracking

_UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


class TokenRequest(BaseModel):
    """What the token is for; `session`: for this one alone. A slip in a name must not give a token that may do more."""

    model_config = ConfigDict(extra="forbid")

    role: Role = "controller"
    session: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")] | None = None


def router(context: Context) -> APIRouter:
    """`/v1/models`, `/v1/tokens`, `/v1/images`."""
    routes = APIRouter(prefix="/v1", route_class=JsonRoute)
    served = context.settings.models

    async def models() -> dict[str, Any]:
        others = [card for card in CARDS.values() if not card.random and card.name not in served]
        cards = [card.public() for card in (*(CARDS[name] for name in served if name in CARDS), *others)]
        return {"models": [{**with_tracking(card), "loaded": card["name"] in served} for card in cards]}

    about = "The models, what they can do, whether their weights are here"
    routes.add_api_route(
        "/models", models, methods=["GET"], summary=about, route_class_override=CompressedRoute
    )

    @routes.post("/tokens", summary="A short-lived token, for a role and perhaps one session")
    async def tokens(request: Request, wanted: TokenRequest | None = None) -> Response:
        wanted = wanted or TokenRequest()
        identity = identity_of(request)
        try:
            token = context.gate.issue(identity, wanted.role, wanted.session)
        except NotAllowed as refused:
            return error_response(
                refused.status, refused.code, refused.message, retry_after_s=refused.retry_after_s
            )
        audit("token.issue", identity, role=wanted.role, session=wanted.session)
        return JSONResponse({"token": token, "expires_s": context.gate.token_s})

    @routes.post("/images", status_code=201, summary="Upload a start image", openapi_extra=_UPLOAD_FORM)
    async def upload(request: Request) -> Response:
        return await context.uploads.take(request)

    return routes
