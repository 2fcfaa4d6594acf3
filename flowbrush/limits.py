"""The numbers of the protocol: what a message may hold, how long things last."""

from __future__ import annotations

PROTOCOL_VERSION = 1
SUBPROTOCOL = "flowbrush.v1"

FIRST_MESSAGE_S = 10.0  # `session.start` must have come by then
RESUME_S = 60.0  # how long a resume token holds after its connection is gone
SLOW_READER_S = 120.0  # how long a connection that reads nothing is kept
PLAYHEAD_INTERVAL_S = 0.25  # a client that plays sends `playhead` at least so often

MAX_MESSAGE_BYTES = 1 << 20  # one text message from a client
MAX_MESSAGE_PARTS = 1 << 16  # objects and lists in it: a megabyte of empty ones takes a second to read
MAX_MESSAGE_COLONS = 50_000  # one for each name in it, and those in texts: reading takes time, known or not
MAX_FRAME_BYTES = (
    4 << 20
)  # one binary message from a client, its header included; a larger one ends the connection
MAX_ID = 2**32 - 1  # control ids travel in a u32 of the packet header
MAX_SEED = 2**53 - 1  # the largest integer that every JSON reader keeps exactly

MAX_PROMPTS = 8
MAX_PROMPT_CHARS = 2000
MAX_WEIGHT = 100.0
MAX_TRANSITION_CHUNKS = 256

MAX_TRACKS = 64  # alive at once in a session
MAX_TRACK_NUMBER = 2**31 - 1
MAX_POINTS = 1024  # in one message
MAX_START_POINTS = 8192  # in all `tracks` of one `session.start`
MIN_COORDINATE = -1.0
MAX_COORDINATE = 2.0
MAX_TIME_S = 1e9
MAX_GRID_SIDE = 16
MAX_GRID_SPACING = 0.5
MAX_POLYGONS = 64  # of a `region`
MAX_REGION_POINTS = 4096  # of all its polygons
MAX_TOUCHES = 32  # points in `add` and in `remove`

MAX_PAN = 2.0  # frame sizes (per second with mode `velocity`)
MAX_ZOOM = 4.0  # doublings (per second)
MAX_ROLL = 360.0  # degrees (per second)

MAX_STEP_CHUNKS = 256
MAX_STEPS = 64
MIN_SIDE, MAX_SIDE = 32, 4096  # frame width and height in pixels
MIN_FPS, MAX_FPS = 1.0, 120.0
MAX_CODECS = 16
