"""What a client sends in addition to controls: the session's life, the playhead, ping."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from flowbrush import limits
from flowbrush.controls import ClientControl, Prompt, Prompts, PromptText, Touches, TrackBegin
from flowbrush.messages import Body, Chunk, Codec, Coordinate, Message, MessageId, Micros, Seconds
from flowbrush.wording import OfField, TooMany

Seed = Annotated[int, Field(ge=0, le=limits.MAX_SEED)]
Side = Annotated[int, Field(ge=limits.MIN_SIDE, le=limits.MAX_SIDE)]
CodecName = Annotated[str, Field(min_length=1, max_length=16)]
Fps = Annotated[float, Field(ge=limits.MIN_FPS, le=limits.MAX_FPS)]
Strength = Annotated[float, Field(ge=0, le=1)]
Steps = Annotated[int, Field(ge=1, le=limits.MAX_STEPS)]
StepChunks = Annotated[int, Field(ge=1, le=limits.MAX_STEP_CHUNKS)]
FrameNumber = Annotated[int, Field(ge=-1, le=2**32 - 1)]
Token = Annotated[str, Field(min_length=1, max_length=256)]
ModelName = Annotated[str, Field(min_length=1, max_length=100)]
NO_PROMPT = "a prompt is missing: give prompt or prompts, an image, or a source"
ALL_CODECS = ("h264", "vp8", "vp9", "av1", "jpeg")


class SourceFields(Body):
    """Video that the client sends: how it is encoded, its size in pixels, its rate, and how closely it is followed. Of "tracks" its
    pictures are not shown: points of it are followed, and move the picture; `strength` means nothing then.
    """

    codec: Literal["jpeg", "h264"]
    width: Side
    height: Side
    fps: Fps
    strength: Strength
    use: Literal["picture", "tracks"] = "picture"


class StartFields(Body):
    """The settings of a stream: the fields of `session.start` that a session file keeps, too."""

    model: ModelName | None = None
    prompts: Prompts | None = None
    prompt: PromptText | None = None
    seed: Seed | None = None
    image: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    width: Side | None = None
    height: Side | None = None
    fps: Fps | None = None
    codecs: Annotated[
        tuple[CodecName, ...], Field(min_length=1, max_length=limits.MAX_CODECS, fail_fast=True)
    ] = ALL_CODECS
    steps: Steps | None = None
    paused: bool = False
    tracks: Annotated[tuple[TrackBegin, ...], Field(max_length=limits.MAX_TRACKS, fail_fast=True)] = ()
    source: SourceFields | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.prompt is not None and self.prompts is not None:
            raise OfField("prompts", "give either prompt or prompts, not both")
        numbers = [track.track for track in self.tracks]
        if len(set(numbers)) < len(numbers):
            raise OfField("tracks", "tracks: each track needs its own number")
        if sum(len(track.points) for track in self.tracks) > limits.MAX_START_POINTS:
            raise OfField("tracks", f"tracks: at most {limits.MAX_START_POINTS} points in all", TooMany.kind)
        return self

    @property
    def prompt_list(self) -> tuple[Prompt, ...]:
        """The prompts, from whichever of `prompt` and `prompts` was given; empty when neither was."""
        if self.prompt is not None:
            return (Prompt(text=self.prompt),)
        return self.prompts or ()

    @property
    def pictured(self) -> bool:
        """Whether something says what there is without a prompt: an image, or a source whose pictures are followed."""
        return self.image is not None or self.shows_source

    @property
    def shows_source(self) -> bool:
        """Whether the stream begins with a source whose pictures are followed."""
        return self.source is not None and self.source.use == "picture"

    @property
    def known_codecs(self) -> tuple[Codec, ...]:
        """`codecs` in order, without the names that this version does not know."""
        return tuple(Codec(name) for name in self.codecs if name in set(Codec))


class SessionStart(StartFields, Message):
    """The first message. Without a `model` the server takes its first. A prompt may be left out where an `image` or a `source` says
    what there is.

    With `resume` only `last_frame`, `codecs` and `source` count: the settings are the session's own. `last_frame` is
    the index of the last frame received, -1 for none.
    """

    type: Literal["session.start"] = "session.start"
    id: MessageId | None = None
    resume: Token | None = None
    last_frame: FrameNumber | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.resume is None:
            if self.last_frame is not None:
                raise OfField("last_frame", "last_frame goes with resume")
            if not self.prompt_list and not self.pictured:
                raise OfField("prompt", NO_PROMPT, "missing")
        elif self.last_frame is None:
            raise OfField(
                "last_frame",
                "last_frame is missing: with resume give the index of the last frame received, or -1",
                "missing",
            )
        return self


class SessionPause(Message):
    """Generation stops after the chunk under way."""

    type: Literal["session.pause"] = "session.pause"
    id: MessageId | None = None


class SessionResume(Message):
    """Generation goes on with the context intact."""

    type: Literal["session.resume"] = "session.resume"
    id: MessageId | None = None


class SessionStep(Message):
    """While paused: generate so many chunks."""

    type: Literal["session.step"] = "session.step"
    id: MessageId | None = None
    chunks: StepChunks = 1


class SessionRewind(Message):
    """Back to the end of `chunk`; the next packet is chunk + 1."""

    type: Literal["session.rewind"] = "session.rewind"
    id: MessageId | None = None
    chunk: Chunk


class SessionReset(Message):
    """Start over with the same settings, with another seed if one is given."""

    type: Literal["session.reset"] = "session.reset"
    id: MessageId | None = None
    seed: Seed | None = None


class SessionStop(Message):
    """End the session; answered by `session.done`."""

    type: Literal["session.stop"] = "session.stop"
    id: MessageId | None = None


class Probe(Message):
    """What would a hand take at (x, y), corrected by points that `add` and `remove`? Answered by `outline`."""

    type: Literal["probe"] = "probe"
    id: MessageId | None = None
    x: Coordinate
    y: Coordinate
    add: Touches | None = None
    remove: Touches | None = None


class SourceBegin(SourceFields, Message):
    """The client sends video from now on, as binary messages; the picture follows it."""

    type: Literal["source.begin"] = "source.begin"
    id: MessageId | None = None


class SourceEnd(Message):
    """No more video comes; the picture goes on without it."""

    type: Literal["source.end"] = "source.end"
    id: MessageId | None = None


class KeyFrame(Message):
    """The next chunk begins with a key frame, for a decoder that lost its way."""

    type: Literal["keyframe"] = "keyframe"


class Playhead(Message):
    """`pts` of the frame shown now and the seconds received after it."""

    type: Literal["playhead"] = "playhead"
    pts: Seconds
    buffered: Seconds


class Ping(Message):
    """Answered by `pong` with the same `sent_us`."""

    type: Literal["ping"] = "ping"
    sent_us: Micros


SessionCommand = SessionPause | SessionResume | SessionStep | SessionRewind | SessionReset | SessionStop
ClientMessage = Annotated[
    ClientControl
    | SessionStart
    | SessionCommand
    | Probe
    | SourceBegin
    | SourceEnd
    | KeyFrame
    | Playhead
    | Ping,
    Field(discriminator="type"),
]
