"""`/docs`: the REST routes and the messages of the stream on one page, made from their schemas. It asks nobody else."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from flowbrush.protocol import SUBPROTOCOL
from flowbrush.schema import schemas
from flowbrush.server.http.page import HEADERS

Schema = dict[str, Any]

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>flowbrush · API</title><link rel="icon" href="web/icon.svg"><link rel="stylesheet" href="web/api.css"></head>
<body><main><h1>flowbrush</h1>
<p>Video that is made while it is watched: one WebSocket carries messages and pictures, REST the rest. How they belong
together is told in <code>docs/protocol.md</code> of the project. <a href="openapi.json">openapi.json</a> describes the
routes to programs; <a href="./">the page</a> uses all of it.</p>
"""
_MESSAGES = (
    ("client-message.json", "Messages of a client"),
    ("server-message.json", "Messages of the server"),
)


def router(app: FastAPI) -> APIRouter:
    """`/docs` of `app`, whose routes all exist when it is first asked for."""
    routes = APIRouter(include_in_schema=False)

    @lru_cache(maxsize=1)
    def text() -> str:
        return render(app.openapi())

    @routes.get("/docs")
    def page() -> HTMLResponse:
        return HTMLResponse(text(), headers=HEADERS)

    return routes


def render(openapi: Schema) -> str:
    """The page for these routes and the protocol's messages."""
    parts = [_HEAD, _routes(openapi), _sockets()]
    for name, title in _MESSAGES:
        schema = schemas()[name]
        defined = schema["$defs"]
        names = [each["$ref"].rsplit("/", 1)[1] for each in schema["oneOf"]]
        parts += [f"<h2>{escape(title)}</h2>", *(_message(defined[name], defined) for name in names)]
    return "".join([*parts, "</main></body></html>"])


def _routes(openapi: Schema) -> str:
    rows = []
    for path, methods in openapi["paths"].items():
        for method, route in methods.items():
            names = [each["name"] for each in route.get("parameters", ()) if each["in"] == "query"]
            query = f"<br><small>?{escape(', '.join(names))}</small>" if names else ""
            answer = ", ".join(code for code in route["responses"] if code.startswith("2"))
            cells = (f"<code>{method.upper()} {escape(path)}</code>{query}", _words(route["summary"]), answer)
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<h2>REST</h2><table><tr><th>Route</th><th></th><th>Answer</th></tr>{''.join(rows)}</table>"


def _sockets() -> str:
    return (
        f"<h2>WebSocket</h2><p>Subprotocol <code>{SUBPROTOCOL}</code>. <code>/v1/stream</code> begins a session; the first "
        "message is <code>session.start</code>. <code>/v1/sessions/{id}/watch</code> shows one to others. "
        "<code>/v1/realtime/video</code> speaks vLLM-Omni's protocol: <code>docs/realtime_video.md</code>.</p>"
    )


def _message(schema: Schema, definitions: Schema) -> str:
    properties = schema["properties"]
    rows = [
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_kind(field, definitions))}</td>"
        f"<td>{'' if name in schema.get('required', ()) else 'optional'}</td></tr>"
        for name, field in properties.items()
        if name != "type"
    ]
    table = f"<table>{''.join(rows)}</table>" if rows else ""
    text = _words(schema.get("description", ""))
    return (
        f"<section><h3><code>{escape(properties['type']['const'])}</code></h3><p>{text}</p>{table}</section>"
    )


def _words(text: str) -> str:
    """Text with `names` between backticks."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))


def _kind(field: Schema, definitions: Schema) -> str:
    """What a field takes, in words."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        target = definitions[name]
        if "properties" in target:
            return "{" + ", ".join(target["properties"]) + "}"
        return _kind(target, definitions) if target else "anything"
    if "anyOf" in field:
        return " or ".join(_kind(each, definitions) for each in field["anyOf"] if each.get("type") != "null")
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    if "prefixItems" in field:
        return "[" + ", ".join(_kind(each, definitions) for each in field["prefixItems"]) + "]"
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}), definitions)}"
    return _scalar(field)


def _scalar(field: Schema) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    bounds = f" {low} to {high}" if low is not None and high is not None else ""
    return str(field.get("const", field.get("type", "anything"))) + bounds
