"""What the server sends as text: answers, acknowledgements, one `chunk` per chunk, notices, errors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from flowbrush import limits
from flowbrush.controls import Prompt
from flowbrush.messages import Body, Chunk, Codec, Message, MessageId, Micros, Millis, Seconds, TrackNumber

Count = Annotated[int, Field(ge=0)]
LastId = Annotated[int, Field(ge=0, le=limits.MAX_ID)]
Outlines = tuple[tuple[tuple[float, float], ...], ...]
Frame = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Queue(Message):
    """No seat is free: `position` 1 is next, of `size` waiting."""

    type: Literal["queue"] = "queue"
    position: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1)]


class Limits(Body):
    """What this server takes; further limits of a server appear as further fields."""

    model_config = ConfigDict(extra="allow")

    message_bytes: Count = limits.MAX_MESSAGE_BYTES
    prompts: Count = limits.MAX_PROMPTS
    prompt_chars: Count = limits.MAX_PROMPT_CHARS
    tracks: Count = limits.MAX_TRACKS
    points: Count = limits.MAX_POINTS
    region_points: Count = limits.MAX_REGION_POINTS
    touches: Count = limits.MAX_TOUCHES


class Notice(Message):
    """Nothing failed, but the person should know. `prompt` is the text of the prompt that it is about, if it is about one."""

    type: Literal["notice"] = "notice"
    code: str
    message: str
    id: MessageId | None = None
    prompt: str | None = None


class SessionReady(Message):
    """The stream exists and its first chunk is on the way.

    `resume_token` is None for a viewer; `last_id` is the last id of a control that was accepted, 0 for none. `prompts` are those
    that the stream was given last, and `notices` what was said of prompts so far.
    """

    type: Literal["session.ready"] = "session.ready"
    id: MessageId | None = None
    protocol: Literal[1] = 1
    session: str
    resume_token: str | None = None
    model: str
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    fps: Annotated[float, Field(gt=0)]
    chunk_frames: Annotated[int, Field(ge=1)]
    codec: Codec
    codec_string: str
    capabilities: dict[str, JsonValue]
    examples: tuple[JsonValue, ...] = ()
    limits: Limits = Limits()
    last_id: LastId = 0
    prompts: tuple[Prompt, ...] | None = None
    notices: tuple[Notice, ...] = ()


class ControlQueued(Message):
    """The control was accepted; `chunk` is expected to show it first (it may be one later)."""

    type: Literal["control.queued"] = "control.queued"
    id: MessageId
    chunk: Chunk


class ControlApplied(Message):
    """`frame` is the first frame that shows the control."""

    type: Literal["control.applied"] = "control.applied"
    id: MessageId
    chunk: Chunk
    frame: Frame


class ChunkDone(Message):
    """A chunk was made: frames from `first_frame` on, the `pts` of that one, and where the time went.

    With a source, `source_dropped` counts frames of it that nothing was made of since the last chunk. `rate` is the share of real
    time at which chunks come from now on, where that is less than 1: who plays at that rate does not stop between them.
    """

    type: Literal["chunk"] = "chunk"
    chunk: Chunk
    first_frame: Frame
    frames: Annotated[int, Field(ge=1)]
    pts: Seconds
    generate_ms: Millis
    decode_ms: Millis
    encode_ms: Millis
    queue_ms: Millis
    prompt: str
    source_dropped: Count | None = None
    rate: Annotated[float, Field(gt=0, le=1)] | None = None


class Outline(Message):
    """Answers `probe`: what a hand would take at (x, y), as polygons of (x, y), even-odd; empty for nothing."""

    type: Literal["outline"] = "outline"
    id: MessageId | None = None
    x: float
    y: float
    region: Outlines
    label: str | None = None


class TrackHeld(Message):
    """A hand has taken what is inside `region` (polygons as with `outline`), where it stood then. Said again of the same track:
    what it has taken has turned round, and would have stood so.
    """

    type: Literal["track.held"] = "track.held"
    track: TrackNumber
    region: Outlines


class SessionPaused(Message):
    """Generation stopped; `chunk` is the next one to be made."""

    type: Literal["session.paused"] = "session.paused"
    id: MessageId | None = None
    chunk: Chunk


class SessionResumed(Message):
    """Generation goes on with `chunk`."""

    type: Literal["session.resumed"] = "session.resumed"
    id: MessageId | None = None
    chunk: Chunk


class SessionRewound(Message):
    """The stream stands at the end of `chunk`, as asked; the next packet is chunk + 1. `prompts` are those that held there."""

    type: Literal["session.rewound"] = "session.rewound"
    id: MessageId | None = None
    chunk: Chunk
    prompts: tuple[Prompt, ...] | None = None


class SessionRestarted(Message):
    """Answers `session.reset`; the next packet is `chunk`, which is 0. `prompts` are those of the start."""

    type: Literal["session.restarted"] = "session.restarted"
    id: MessageId | None = None
    chunk: Chunk = 0
    prompts: tuple[Prompt, ...] | None = None


class SessionRecovering(Message):
    """The worker is being replaced; the stream continues by itself."""

    type: Literal["session.recovering"] = "session.recovering"
    reason: str


class SessionDone(Message):
    """The session ended after `chunks` chunks and `frames` frames; `recording` and `log` are URLs."""

    type: Literal["session.done"] = "session.done"
    id: MessageId | None = None
    chunks: Count
    frames: Count
    reason: str
    recording: str | None = None
    log: str


class Error(Message):
    """Something was refused or failed; codes are those of `flowbrush.errors.ErrorCode`."""

    type: Literal["error"] = "error"
    code: str
    message: str
    retryable: bool = False
    id: MessageId | None = None
    field: str | None = None
    retry_after_s: Annotated[float, Field(ge=0)] | None = None


class Pong(Message):
    """Answers `ping`."""

    type: Literal["pong"] = "pong"
    sent_us: Micros


SessionState = (
    SessionPaused | SessionResumed | SessionRewound | SessionRestarted | SessionRecovering | SessionDone
)
ServerMessage = Annotated[
    Queue
    | SessionReady
    | ControlQueued
    | ControlApplied
    | ChunkDone
    | Outline
    | TrackHeld
    | SessionState
    | Notice
    | Error
    | Pong,
    Field(discriminator="type"),
]
