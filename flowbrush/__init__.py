"""flowbrush: the streaming protocol and its Python client. Needs neither torch nor the server.

Names are loaded when they are used: `flowbrush.training` runs where the client's packages are not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbrush import sync as sync
    from flowbrush.acks import Ack, Applied
    from flowbrush.client import connect
    from flowbrush.errors import ConnectionLost, FlowbrushError, ProtocolError, ServerError, SessionEnded
    from flowbrush.packets import Packet
    from flowbrush.protocol import Grid, Outline, Point, SessionFile, SourceFields, TrackBegin
    from flowbrush.source import Source
    from flowbrush.stream import Stream
    from flowbrush.tracks import Drag, Track
    from flowbrush.viewer import Frame
    from flowbrush.watching import WatchedSession, watch
else:
    _HOMES = {
        "acks": ("Ack", "Applied"),
        "client": ("connect",),
        "errors": ("ConnectionLost", "FlowbrushError", "ProtocolError", "ServerError", "SessionEnded"),
        "packets": ("Packet",),
        "protocol": ("Grid", "Outline", "Point", "SessionFile", "SourceFields", "TrackBegin"),
        "source": ("Source",),
        "stream": ("Stream",),
        "tracks": ("Drag", "Track"),
        "viewer": ("Frame",),
        "watching": ("WatchedSession", "watch"),
    }
    _HOME = {name: module for module, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> object:
        if (
            name == "sync" or name in _HOMES
        ):  # as in `flowbrush.sync.connect`, of which only `flowbrush` was imported
            return import_module(f"{__name__}.{name}")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_HOMES, "sync"})


__all__ = [
    "Ack",
    "Applied",
    "ConnectionLost",
    "Drag",
    "FlowbrushError",
    "Frame",
    "Grid",
    "Outline",
    "Packet",
    "Point",
    "ProtocolError",
    "ServerError",
    "SessionEnded",
    "SessionFile",
    "Source",
    "SourceFields",
    "Stream",
    "Track",
    "TrackBegin",
    "WatchedSession",
    "connect",
    "watch",
]
