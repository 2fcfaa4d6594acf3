"""Files in parts: the first bytes of one that may grow meanwhile, or the range of them that is wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from starlette.responses import Response, StreamingResponse

from flowbrush.server.store.storage import Storage

BLOCK = 1 << 18
LARGEST = 2**63 - 1
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


async def serve_file(
    reading: Storage, lane: str, path: Path, size: int, wanted: str | None, media_type: str
) -> Response:
    """The first `size` bytes of a file as an answer to a request with the header `Range: {wanted}`.

    A header that is none, or that asks for several ranges, is passed over, as HTTP has it.
    It is read by `reading`, in `lane`. Raises OSError.
    """
    found = byte_range(wanted, size)
    if found is None:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = found
    part = _RANGE.fullmatch(wanted or "") is not None and wanted != "bytes=-"
    headers = {
        "Content-Length": str(last - first + 1),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
    }
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    # it is opened now: it may be replaced before its first byte is asked for
    file = await reading.run(lane, lambda: open(path, "rb"))
    blocks = reading.stream(lane, _blocks(file, first, last))
    return StreamingResponse(blocks, 206 if part else 200, headers, media_type=media_type)


def byte_range(wanted: str | None, size: int) -> tuple[int, int] | None:
    """The first and the last byte that are wanted of `size` (at least 1); None for a range that is not there."""
    match = _RANGE.fullmatch(wanted or "")
    if match is None or wanted == "bytes=-":
        return 0, size - 1
    if match[1]:
        first, last = _number(match[1]), min(size - 1, _number(match[2]) if match[2] else size - 1)
    else:
        first, last = max(0, size - _number(match[2])), size - 1
    return (first, last) if first <= last else None


def _number(digits: str) -> int:
    """A number of any length, cut at LARGEST: Python reads no more than 4,300 digits."""
    digits = digits.lstrip("0") or "0"
    return min(int(digits), LARGEST) if len(digits) < 20 else LARGEST


def _blocks(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    left = last - first + 1
    with file:
        file.seek(first)
        while left > 0 and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block
