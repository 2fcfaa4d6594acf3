"""Files in parts: the first bytes of one that may grow meanwhile, or the range of them that is wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from flowbrush.errors import ErrorCode
from flowbrush.server.http.answers import error_response
from flowbrush.server.store.storage import Storage

BLOCK = 1 << 18
LARGEST = 2**63 - 1
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


async def serve_file(
    reading: Storage, lane: str, path: Path, size: int, asked: Headers, media_type: str, *, final: bool
) -> Response:
    """The first `size` bytes of a file as an answer to a request with the headers `asked`.

    A `Range` that is none, or that asks for several, is passed over, as HTTP has it. A file that is `final` has a tag, so that
    a download that was cut off goes on with the same one; of any other a part never goes with what somebody has already.
    It is read by `reading`, in `lane`. Raises OSError.
    """
    # it is opened now: it may be replaced before its first byte is asked for
    file, status = await reading.run(lane, lambda: _opened(path))
    tag = f'"{size:x}-{status.st_mtime_ns:x}"' if final else None
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"} | ({"ETag": tag} if tag else {})
    wanted = asked.get("range")
    code, found = 200, byte_range(wanted, size)
    if "if-match" in asked and not _names(asked["if-match"], tag):
        code = 412
    elif "if-none-match" in asked and _names(asked["if-none-match"].replace("W/", ""), tag):
        # compared weakly: proxies that compress make a tag weak
        code = 304
    elif "if-range" in asked and asked["if-range"].strip() != tag:
        found = 0, size - 1
    elif found is None:
        code, headers = 416, {"Content-Range": f"bytes */{size}"}
    elif _RANGE.fullmatch(wanted or "") and wanted != "bytes=-":
        code, headers["Content-Range"] = 206, f"bytes {found[0]}-{found[1]}/{size}"
    if code not in (200, 206) or found is None:
        file.close()
        return _refused(code, size, headers)
    headers["Content-Length"] = str(found[1] - found[0] + 1)
    return StreamingResponse(
        reading.stream(lane, _blocks(file, *found)), code, headers, media_type=media_type
    )


def _refused(code: int, size: int, headers: dict[str, str]) -> Response:
    """Nothing of the file. Who has it already (304) is told no more than that."""
    if code == 304:
        return Response(None, code, headers)
    if code == 412:
        text = "the file is not the one that If-Match names, or grows still: ask without it"
        answer = error_response(code, ErrorCode.INVALID_VALUE, text, field="If-Match")
    else:
        text = f"the file has {size} bytes, and none of those that Range names"
        answer = error_response(code, ErrorCode.OUT_OF_RANGE, text, field="Range")
    answer.headers.update(headers)
    return answer


def _opened(path: Path) -> tuple[BinaryIO, os.stat_result]:
    file = open(path, "rb")
    return file, os.fstat(file.fileno())


def _names(condition: str, tag: str | None) -> bool:
    """Whether a list of tags, or *, stands for what there is."""
    return condition.strip() == "*" or tag in [part.strip() for part in condition.split(",")]


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
