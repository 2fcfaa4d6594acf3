"""What a client of vLLM-Omni's `/v1/realtime/video` (version 0.30) says, as far as this server takes it.

https://docs.vllm.ai/projects/vllm-omni: one connection is one request for a video. `multi_modal_data.tracks` is ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from flowbrush import limits
from flowbrush.client_messages import Seed, Side
from flowbrush.controls import TrackBegin, TrackMove, is_blank
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.messages import Body, Seconds, TrackNumber
from flowbrush.parse import from_validation, ignored_fields, read_object
from flowbrush.wording import OfField, in_json

MAX_START_BYTES = 4 << 20
"""Of `session.start`, which may carry a picture."""

T = TypeVar("T", bound=Body)
Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
EventId = Annotated[str, Field(min_length=1, max_length=256)]
Frames = Annotated[int, Field(ge=1)]
Fps = Annotated[float, Field(ge=limits.MIN_FPS, le=limits.MAX_FPS)]


class ImageReference(Body):
    """A start image: a `data:` URL, or the id of an upload."""

    image_url: str | None = None
    file_id: Annotated[str, Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.image_url is None) == (self.file_id is None):
            given, kind = ("file_id", "value_error") if self.file_id is not None else ("image_url", "missing")
            said = "image_reference: give either image_url, a data: URL, or file_id, an id of POST /v1/images"
            raise OfField(given, said, kind)
        return self


class Pose(Body):
    """Where a camera is, or how it moves: scene units, and a quaternion (x, y, z, w); +X right, +Y up, +Z forward."""

    translation: Vector = (0.0, 0.0, 0.0)
    rotation: Quaternion = (0.0, 0.0, 0.0, 1.0)
    actions: JsonValue = None

    @model_validator(mode="after")
    def _turns(self) -> Self:
        if self.actions is not None:
            raise OfField("actions", "actions are not taken: send what they mean as translation and rotation")
        if not any(self.rotation):
            raise OfField("rotation", "rotation: a quaternion is not all zeros; (0, 0, 0, 1) turns nothing")
        return self


class Camera(Body):
    """`velocity`: moved by `data` once every latent frame, until told otherwise; `target`: `data` is where it goes."""

    mode: Literal["target", "velocity"] = "target"
    data: Pose


class TrackChanges(Body):
    """Tracks that begin, go on and end, in this order; bodies of `track.begin` and `track.move`."""

    begin: Annotated[tuple[TrackBegin, ...], Field(max_length=limits.MAX_TRACKS, fail_fast=True)] = ()
    move: Annotated[tuple[TrackMove, ...], Field(max_length=limits.MAX_TRACKS, fail_fast=True)] = ()
    end: Annotated[tuple[TrackNumber, ...], Field(max_length=limits.MAX_TRACKS, fail_fast=True)] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.begin or self.move or self.end):
            raise ValueError("expected tracks to begin, to move or to end")
        return self


class Tracks(Body):
    """The extension: trajectories of points."""

    mode: Literal["target"] = "target"
    data: TrackChanges


class MultiModalData(Body):
    """What is said in addition to the prompt."""

    camera: Camera | None = None
    tracks: Tracks | None = None

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.model_extra:
            raise ValueError(
                f"{next(iter(self.model_extra))[:40]!r} is not taken here: expected camera or tracks"
            )
        if self.camera is None and self.tracks is None:
            raise ValueError("it is empty: expected camera or tracks")
        return self


class VideoParams(Body):
    """Some fields of `session.start` once more."""

    width: Side | None = None
    height: Side | None = None
    fps: Fps | None = None
    num_frames: Frames | None = None


class Start(VideoParams):
    """`session.start`. Fields of vLLM-Omni that mean nothing here (guidance, LoRA, …) are ignored."""

    type: Literal["session.start"]
    model: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    prompt: Annotated[str, Field(max_length=limits.MAX_PROMPT_CHARS)]
    format: Literal["m4s"] = "m4s"
    size: Annotated[str, Field(pattern=r"^\d{1,5}x\d{1,5}$")] | None = None
    seconds: Annotated[str, Field(pattern=r"^[1-9]\d{0,8}$")] | None = None
    video_params: VideoParams | None = None
    seed: Seed | None = None
    num_inference_steps: Annotated[int, Field(ge=1, le=limits.MAX_STEPS)] | None = None
    image_reference: ImageReference | None = None
    video_reference: JsonValue = None
    audio_reference: JsonValue = None
    multi_modal_data: MultiModalData | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("video_reference", "audio_reference"):
            if getattr(self, name) is not None:
                raise OfField(
                    name, f"{name} is not taken here: a stream begins with a prompt and an image_reference"
                )
        if is_blank(self.prompt) and self.image_reference is None:
            said = "prompt is blank: say what is to be seen, or give an image_reference"
            raise OfField("prompt", said, "string_too_short")
        given = self.multi_modal_data
        if given is not None and (
            given.camera or (given.tracks and (given.tracks.data.move or given.tracks.data.end))
        ):
            raise OfField(
                "multi_modal_data", "multi_modal_data: a stream starts with tracks that begin, nothing else"
            )
        return self


class Event(Body):
    """What an interaction changes."""

    prompt: Annotated[str, Field(max_length=limits.MAX_PROMPT_CHARS)] | None = None
    negative_prompt: str | None = None
    multi_modal_data: MultiModalData | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.negative_prompt is not None:
            raise OfField("negative_prompt", "negative_prompt is not taken here: say what is to be seen")
        if self.prompt is not None and is_blank(self.prompt):
            raise OfField("prompt", "prompt is blank: leave it out where it stays", "string_too_short")
        if self.prompt is None and self.multi_modal_data is None:
            raise OfField("prompt", "expected a prompt, or multi_modal_data, or both", "missing")
        return self


class Interaction(Body):
    """One change, under an id of the client's."""

    event_id: EventId | None = None
    event: Event
    transition_chunks: Annotated[int, Field(ge=0, le=limits.MAX_TRANSITION_CHUNKS)] | None = None


class SessionInteraction(Body):
    """`session.interaction`."""

    type: Literal["session.interaction"]
    interaction: Interaction


class SessionPlayback(Body):
    """`session.playback`, of later versions than 0.30: where the video is shown (seconds)."""

    type: Literal["session.playback"]
    position_seconds: Seconds


class SessionPing(Body):
    """`session.ping`."""

    type: Literal["session.ping"]


class SessionStop(Body):
    """`session.stop`."""

    type: Literal["session.stop"]


ClientMessage = SessionInteraction | SessionPlayback | SessionPing | SessionStop
_TYPES: dict[str, type[ClientMessage]] = {
    "session.interaction": SessionInteraction,
    "session.playback": SessionPlayback,
    "session.ping": SessionPing,
    "session.stop": SessionStop,
}


def parse_start(text: str) -> tuple[Start, tuple[str, ...]]:
    """The first message, and the paths of fields that are ignored; raises ProtocolError."""
    data = read_object(text, MAX_START_BYTES)
    kind = _type_of(data)
    if kind != "session.start":
        said = f"the first message must be session.start, not {in_json(kind)}"
        raise ProtocolError(ErrorCode.NOT_STARTED, said, field="type")
    start = _made(Start, text)
    return start, tuple(ignored_fields(data, start))


def parse_message(text: str) -> ClientMessage:
    """Any later message; raises ProtocolError."""
    kind = _type_of(read_object(text))
    if kind == "session.start":
        said = "the session has started already: open another connection for another video"
        raise ProtocolError(ErrorCode.ALREADY_STARTED, said, field="type")
    if not isinstance(kind, str) or kind not in _TYPES:
        said = f"type is {in_json(kind)}: expected one of {', '.join(sorted(_TYPES))}"
        raise ProtocolError(ErrorCode.UNKNOWN_TYPE, said, field="type")
    return _made(_TYPES[kind], text)


def _type_of(data: dict[str, Any]) -> Any:
    kind = data.get("type")
    if kind is None:
        raise ProtocolError(ErrorCode.MISSING_FIELD, "type is missing: every message has one", field="type")
    return kind


def event_id_of(text: str | bytes) -> str | None:
    """The id of an interaction, also of one that is not valid otherwise."""
    try:
        found = read_object(text).get("interaction")
    except ProtocolError:
        return None
    id = found.get("event_id") if isinstance(found, dict) else None
    return id[:256] if isinstance(id, str) else None


def _made(kind: type[T], text: str) -> T:
    try:
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise from_validation(error) from None
