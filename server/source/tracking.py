"""Sources whose motion moves the picture: whether that can be done here, and the points of one picture as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.protocol import SourceFields

INSTALL = "pip install 'flowbrush[tracking]' where the server runs"
POINT = struct.Struct("<ffI")
"""x and y in frame sizes, and the number of the point's life: 0 while it is lost."""

Place = tuple[float, float, int]


def with_tracking(card: dict[str, Any]) -> dict[str, Any]:
    """A model's public facts, with what this server adds to what it can do: `source_tracks`."""
    can = card.get("capabilities", {})
    tracks = bool(can.get("drag")) and find_spec("cv2") is not None
    return {**card, "capabilities": {**can, "source_tracks": tracks}}


def check(given: SourceFields, can: Mapping[str, Any], id: int | None = None) -> None:
    """Raises ProtocolError for a source that a server which `can` do so much cannot follow."""
    if given.use == "picture" and not can.get("source"):
        text = "this model cannot do source"
    elif given.use == "tracks" and not can.get("drag"):
        text = "this model cannot do drag: nothing would move as the source does"
    elif given.use == "tracks" and not can.get("source_tracks"):
        text = f"this server cannot follow points of a video: {INSTALL}"
    else:
        return
    raise ProtocolError(ErrorCode.UNSUPPORTED, text, field="type", id=id)


def packed(points: Iterable[Place]) -> bytes:
    """The points of one picture."""
    return b"".join(POINT.pack(*point) for point in points)


def unpacked(data: bytes) -> list[Place]:
    """What `packed` made into bytes."""
    return list(POINT.iter_unpack(data))
