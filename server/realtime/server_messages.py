"""What a client of vLLM-Omni's `/v1/realtime/video` (version 0.30) is told."""

from __future__ import annotations

from typing import Any, Literal

from flowbrush.messages import Message


class VideoStart(Message):
    """The video is accepted; `config` is what will be made, `request_id` the id of the session."""

    type: Literal["video.start"] = "video.start"
    request_id: str
    format: Literal["m4s"] = "m4s"
    config: dict[str, Any]


class ChunkMetadata(Message):
    """What the binary message right after it holds."""

    type: Literal["video.chunk_metadata"] = "video.chunk_metadata"
    request_id: str
    kind: Literal["media"] = "media"
    transport_chunk_index: int
    generation_chunk_index: int
    num_frames: int
    byte_length: int
    started_event_ids: tuple[str, ...] = ()
    active_event_ids: tuple[str, ...] = ()
    completed_event_ids: tuple[str, ...] = ()


class InteractionQueued(Message):
    """The interaction is accepted."""

    type: Literal["session.interaction.queued"] = "session.interaction.queued"
    request_id: str
    event_id: str


class SessionPong(Message):
    """Answers `session.ping`."""

    type: Literal["session.pong"] = "session.pong"


class Done(Message):
    """The end. `stopped` unless every frame that was asked for was sent; `recording` and `log` are paths on this server."""

    type: Literal["session.done"] = "session.done"
    request_id: str
    chunks: int
    stopped: bool
    reason: str
    recording: str | None = None
    log: str


class Failure(Message):
    """Something was refused or failed."""

    type: Literal["error"] = "error"
    code: str
    message: str
    request_id: str | None = None
    event_id: str | None = None
    field: str | None = None
    retry_after_s: float | None = None
