"""What goes over the pipe between the server and a worker. Torch-free; plain data that pickles.

`stream` is the session's id and `epoch` its generation number: a rewind, reset or recovery counts it up, and
whatever arrives with an older one is stale and thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipelines.requests import Applied, Notice, StreamSettings


@dataclass(frozen=True)
class WorkerConfig:
    """All that a worker needs to know when it starts."""

    loader: str
    model: str
    device: str
    seats: int
    threads: int
    log_level: str
    log_json: bool
    attention: str = "sdpa"
    compile: bool = False
    fp8: bool = False
    beat_s: float = 0.5


# ---- down: from the server to a worker


@dataclass(frozen=True)
class Open:
    """Give the stream a seat, from its settings or from a snapshot file."""

    stream: str
    epoch: int
    settings: StreamSettings
    codec: str
    snapshot: str | None = None


@dataclass(frozen=True)
class StepItem:
    """One chunk of one stream.

    `mute`: make it to get the state back, encode nothing. `keys` are offsets of frames that become key
    frames. `jpeg`: also send every frame as JPEG, for viewers that take nothing else. `save` names a file to
    write a snapshot to after the chunk.
    """

    stream: str
    epoch: int
    chunk: int
    controls: tuple[Any, ...]
    mute: bool = False
    keys: tuple[int, ...] = ()
    jpeg: bool = False
    save: str | None = None


@dataclass(frozen=True)
class Step:
    """One forward pass."""

    items: tuple[StepItem, ...]


@dataclass(frozen=True)
class Rewind:
    """Back to the end of `chunk`."""

    stream: str
    epoch: int
    chunk: int


@dataclass(frozen=True)
class Still:
    """Send the newest frame as a picture that stands on its own: JPEG, or a key frame of a codec."""

    stream: str
    request: int
    codec: str


@dataclass(frozen=True)
class Close:
    """Free the seat."""

    stream: str


@dataclass(frozen=True)
class Quit:
    """End the process."""


# ---- up: from a worker to the server


@dataclass(frozen=True)
class Loaded:
    """The worker is warm. `codecs` maps what it encodes to codec strings; `chunk_s` is a measured chunk."""

    card: dict[str, Any]
    seats: int
    codecs: dict[str, str]
    chunk_s: float


@dataclass(frozen=True)
class LoadFailed:
    """The model cannot be loaded; trying again would not help."""

    message: str


@dataclass(frozen=True)
class Beat:
    """The worker lives; `busy_s` is how long it has been at its present batch, 0 when idle."""

    busy_s: float


@dataclass(frozen=True)
class Opened:
    """The stream has its seat; `chunk` is the next one to be made."""

    stream: str
    epoch: int
    chunk: int


@dataclass(frozen=True)
class OpenFailed:
    """The seat was not given. `bad_request`: the settings are at fault, the text is for the person."""

    stream: str
    epoch: int
    message: str
    bad_request: bool


@dataclass(frozen=True)
class Rewound:
    """Answers Rewind. Not `ok`: the chunk is no longer in the stream's history."""

    stream: str
    epoch: int
    ok: bool


@dataclass(frozen=True)
class Made:
    """The forward pass is done; unless the chunk was muted its frames follow as Encoded."""

    stream: str
    epoch: int
    chunk: int
    first_frame: int
    frames: int
    prompt: str
    mute: bool
    applied: tuple[Applied, ...] = ()
    notices: tuple[Notice, ...] = ()
    denoise_ms: float = 0.0
    decode_ms: float = 0.0
    step_ms: float = 0.0


@dataclass(frozen=True)
class Encoded:
    """One frame. `payload` in the stream's codec; `jpeg` when it was asked for."""

    stream: str
    epoch: int
    chunk: int
    frame: int
    payload: bytes = field(repr=False)
    key: bool
    last: bool
    encode_ms: float
    jpeg: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class StepDone:
    """The worker can take the next batch."""

    step_ms: float


@dataclass(frozen=True)
class StepFailed:
    """No state of the batch has changed. `out_of_memory`: the worker itself is no longer good."""

    streams: tuple[tuple[str, int], ...]
    message: str
    out_of_memory: bool


@dataclass(frozen=True)
class StreamFailed:
    """The chunk is lost: its frames could not be encoded, or the stream does not stand before it."""

    stream: str
    epoch: int
    chunk: int
    message: str


@dataclass(frozen=True)
class Saved:
    """A snapshot of the state after `chunk` lies in `path`."""

    stream: str
    epoch: int
    chunk: int
    path: str


@dataclass(frozen=True)
class StillImage:
    """Answers Still; `payload` is None before the first frame."""

    stream: str
    request: int
    frame: int = 0
    payload: bytes | None = field(default=None, repr=False)
