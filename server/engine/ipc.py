"""What goes between the server and a worker, by whichever engine: typed structs as msgpack. Nothing in it runs when it is read.

`stream` is the session's id, `epoch` its generation: rewind, reset and recovery count it up; what has an older one is stale.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flowbrush.controls import Control
from flowbrush.parse import parse_control
from flowbrush.pipelines.requests import Applied, HeldRegion, Notice, Region
from flowbrush.server.engine.opening import Open, opening, settings_of
from flowbrush.server.engine.reading import Read, Unread, WasRead

__all__ = ["Open", "Read", "Unread", "WasRead", "opening", "settings_of"]

MAX_BYTES = 256 << 20
"""Of one message: a picture of the largest size, with room."""


class _Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """One thing that is said over the pipe."""


class WorkerConfig(msgspec.Struct, frozen=True):
    """All that a worker needs to know when it starts."""

    loader: str
    model: str
    device: str
    seats: int
    threads: int
    log_level: str
    log_json: bool
    attention: str = "auto"
    compile: bool = False
    fp8: bool = False
    drag: str = "auto"
    beat_s: float = 0.5
    stage_s: float = 30.0
    """an encoder or the writing of a snapshot that takes longer is given up"""
    snapshot_bytes: int = 256 << 20
    """larger states are not kept: the log brings them back"""
    ship: bool = False
    """whether snapshots go with `Saved` to the server, which keeps them, because its files are not the worker's"""


# ---- down: from the server to a worker


class SourceChunk(msgspec.Struct, frozen=True, array_like=True):
    """A source through one chunk: `pictures` as JPEG of the stream's size, the one that each frame shows by its place in them, and
    how closely they are followed.
    """

    pictures: tuple[bytes, ...]
    order: tuple[int, ...]
    strength: float


class StepItem(msgspec.Struct, frozen=True, array_like=True):
    """One chunk of one stream.

    `controls` are as `packed` gives them. `replay_only`: make it to get the state back, encode nothing. `keys` are offsets of
    frames that become key frames. `jpeg`: also send every frame as JPEG, for viewers that take nothing else. `save` names a
    file to write a snapshot to after the chunk. `anyway`: make it even if its texts are still to be read.
    """

    stream: str
    epoch: int
    chunk: int
    controls: tuple[str, ...]
    replay_only: bool = False
    keys: tuple[int, ...] = ()
    jpeg: bool = False
    save: str | None = None
    source: SourceChunk | None = None
    anyway: bool = False


class Step(_Message, frozen=True):
    """One forward pass."""

    items: tuple[StepItem, ...]


class Rewind(_Message, frozen=True):
    """Back to the end of `chunk`."""

    stream: str
    epoch: int
    chunk: int


class Probe(_Message, frozen=True):
    """What would a hand take at `point`, with points that `add` to it and `remove` from it (frame sizes)?"""

    stream: str
    epoch: int
    point: tuple[float, float]
    add: tuple[tuple[float, float], ...] = ()
    remove: tuple[tuple[float, float], ...] = ()


class Still(_Message, frozen=True):
    """Send the newest frame as a picture that stands on its own: JPEG, or a key frame of a codec."""

    stream: str
    request: int
    codec: str


class Close(_Message, frozen=True):
    """Free the slot."""

    stream: str


class Quit(_Message, frozen=True):
    """End the process."""


Down = Open | Step | Rewind | Probe | Read | Still | Close | Quit

# ---- up: from a worker to the server


class Loaded(_Message, frozen=True):
    """The worker is warm. `codecs` maps what it encodes to codec strings; `chunk_s` is a measured chunk; `weights` is their
    fingerprint; it `reads` slow prompts concurrently with chunks.
    """

    card: dict[str, Any]
    seats: int
    codecs: dict[str, str]
    chunk_s: float
    weights: str = ""
    reads: bool = False


class LoadFailed(_Message, frozen=True):
    """The model cannot be loaded; trying again would not help."""

    message: str


class Beat(_Message, frozen=True):
    """The worker lives; `busy_s` is how long it has been at its present order, 0 when idle."""

    busy_s: float


class Done(_Message, frozen=True):
    """The order is carried out, or was refused: the worker can take the next one. It took `spent_ms`."""

    spent_ms: float


class Opened(_Message, frozen=True):
    """The stream has its state; `chunk` is the next one to be made."""

    stream: str
    epoch: int
    chunk: int


class OpenFailed(_Message, frozen=True):
    """It has none. `bad_request`: the settings are at fault, the text is for the person."""

    stream: str
    epoch: int
    message: str
    bad_request: bool


class Rewound(_Message, frozen=True):
    """Answers Rewind. Not `ok`: the chunk is no longer in the stream's history."""

    stream: str
    epoch: int
    ok: bool


class Made(_Message, frozen=True):
    """The forward pass is done; unless the chunk was for replay only its frames follow as Encoded."""

    stream: str
    epoch: int
    chunk: int
    first_frame: int
    frames: int
    prompt: str
    replay_only: bool
    applied: tuple[Applied, ...] = ()
    notices: tuple[Notice, ...] = ()
    denoise_ms: float = 0.0
    decode_ms: float = 0.0
    step_ms: float = 0.0
    held: tuple[HeldRegion, ...] = ()
    quiet: bool = False


class Encoded(_Message, frozen=True):
    """One frame. `payload` in the stream's codec; `jpeg` when it was asked for."""

    stream: str
    epoch: int
    chunk: int
    frame: int
    payload: bytes
    key: bool
    last: bool
    encode_ms: float
    jpeg: bytes | None = None


class StepFailed(_Message, frozen=True):
    """No state of the batch has changed. `out_of_memory`: the worker itself is no longer good."""

    streams: tuple[tuple[str, int], ...]
    message: str
    out_of_memory: bool


class StreamFailed(_Message, frozen=True):
    """The chunk is lost: its frames could not be encoded (`encoder`), or the stream does not stand before it."""

    stream: str
    epoch: int
    chunk: int
    message: str
    encoder: bool = False


class Outlined(_Message, frozen=True):
    """Answers Probe; no `region` for nothing, no `label` for what has no name."""

    stream: str
    epoch: int
    region: Region
    label: str


class Saved(_Message, frozen=True):
    """A snapshot of the state after `chunk` lies in `path`; with a `blob` it is yet to be put there."""

    stream: str
    epoch: int
    chunk: int
    path: str
    blob: bytes | None = None


class StillImage(_Message, frozen=True):
    """Answers Still; `payload` is None before the first frame."""

    stream: str
    request: int
    frame: int = 0
    payload: bytes | None = None


Up = (
    Loaded
    | LoadFailed
    | Beat
    | Done
    | Opened
    | OpenFailed
    | Rewound
    | Outlined
    | Made
    | Encoded
    | StepFailed
    | StreamFailed
    | Saved
    | StillImage
    | WasRead
    | Unread
)

encode = msgspec.msgpack.Encoder().encode
decode_down = msgspec.msgpack.Decoder(Down).decode
decode_config = msgspec.msgpack.Decoder(WorkerConfig).decode
decode_up = msgspec.msgpack.Decoder(Up).decode
Unreadable = msgspec.DecodeError
"""What the decoders raise for bytes that are no message of ours."""


# ---- what is in the messages


def packed(controls: tuple[Control, ...]) -> tuple[str, ...]:
    """Controls as text."""
    return tuple(control.to_json() for control in controls)


def unpacked(bodies: tuple[str, ...]) -> list[Control]:
    """The controls that `packed` made into text."""
    return [parse_control(body).message for body in bodies]
