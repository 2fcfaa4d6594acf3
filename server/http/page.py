"""The web page: its files with the right types, caching and a strict content security policy."""

from __future__ import annotations

import gzip
import mimetypes
import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from flowbrush.server.http.bundle import bundle

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked again each time, answered 304 by its ETag: an update is seen at once
}
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".woff2": "font/woff2",
}

FOLDERS = {"gallery", "ui"}
_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/){0,2}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,100}")
"""A file of the page: no name that begins with a dot, and none that a file system would choke on."""
COMPRESSED = {".js", ".css", ".html", ".svg", ".json"}
PICTURES = {".webp", ".png", ".jpg"}
PICTURES_KEPT = "max-age=86400"
"""Those of the gallery hardly ever change, and one of yesterday does no harm."""
ENTRIES = {"main.js", "decode_worker.js"}
"""Scripts that nothing imports: they come with all that they import."""


def web_folder() -> Path:
    """The folder of the page, in a checkout and in an installed package."""
    return Path(__file__).resolve().parents[2] / "web"


def router() -> APIRouter:
    """`/` and `/web/…`."""
    routes = APIRouter(include_in_schema=False)
    folder = web_folder().resolve()

    @routes.get("/")
    def index(request: Request) -> Response:
        return _file(folder / "index.html", request)

    @routes.get("/web/{name:path}")
    def file(name: str, request: Request) -> Response:
        if name in ENTRIES and (folder / name).is_file():
            return _whole(folder, name, request)
        if not _NAME.fullmatch(name) or not _for_the_page(Path(name)) or not (folder / name).is_file():
            return Response("no such file", 404, media_type="text/plain", headers=HEADERS)
        return _file(folder / name, request)

    return routes


def _for_the_page(path: Path) -> bool:
    """Whether a file of the folder is the page's: what tools need there (package.json, node_modules) is not."""
    *folders, _ = path.parts or ("",)
    if folders and folders[0] not in FOLDERS:
        return False
    return path.suffix in TYPES and (path.suffix != ".json" or folders == ["gallery"])


def _file(path: Path, request: Request) -> Response:
    if not path.is_file():
        text = "the web page is not installed; the API is described at /docs"
        return Response(text, 404, media_type="text/plain", headers=HEADERS)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    tag = f'"{_version(path)}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    headers = {**HEADERS, "ETag": tag, "Vary": "Accept-Encoding"}
    if path.suffix in PICTURES:
        headers["Cache-Control"] = PICTURES_KEPT
    if path.suffix in COMPRESSED and _takes_gzip(request):
        body = _compressed(path, tag)
        return Response(body, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return FileResponse(path, media_type=kind, headers=headers)


def _whole(folder: Path, name: str, request: Request) -> Response:
    """A script with all that it imports."""
    versions = "".join(_version(path) for path in sorted((*folder.glob("*.js"), *folder.glob("ui/*.js"))))
    tag = f'"{sha256(versions.encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    headers = {**HEADERS, "ETag": tag, "Vary": "Accept-Encoding"}
    body = _bundled(folder, name, tag)
    if _takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return Response(body, media_type=TYPES[".js"], headers=headers)


def _version(path: Path) -> str:
    status = path.stat()
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


@lru_cache(maxsize=256)
def _compressed(path: Path, tag: str) -> bytes:
    """The file's bytes, compressed once for each of its versions (`tag`)."""
    return gzip.compress(path.read_bytes(), 9)


@lru_cache(maxsize=8)
def _bundled(folder: Path, name: str, tag: str) -> bytes:
    """The script and what it imports, compressed once for each version of the page (`tag`)."""
    return gzip.compress(bundle(folder, name).encode(), 9)
