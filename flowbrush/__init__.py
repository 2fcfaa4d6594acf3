"""flowbrush: the streaming protocol and its Python client. Needs neither torch nor the server."""

from flowbrush.acks import Ack, Applied
from flowbrush.client import connect
from flowbrush.errors import ConnectionLost, FlowbrushError, ProtocolError, ServerError, SessionEnded
from flowbrush.packets import Packet
from flowbrush.protocol import Grid, Outline, Point, SessionFile, SourceFields, TrackBegin
from flowbrush.source import Source
from flowbrush.stream import Stream
from flowbrush.tracks import Drag, Track
from flowbrush.viewer import Frame
from flowbrush.watch import WatchedSession, watch

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
