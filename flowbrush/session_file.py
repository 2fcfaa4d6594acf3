"""Session files: settings, controls and a number of chunks. `flowbrush render` makes a video of one."""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from flowbrush.arguments import PathLike, checked, one_of
from flowbrush.client_messages import NO_PROMPT, StartFields
from flowbrush.controls import (
    CameraSet,
    Control,
    PromptSet,
    StepsSet,
    TrackBegin,
    TrackEnd,
    TrackMove,
    TracksClear,
)
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.messages import Body, Chunk
from flowbrush.parse import Parsed, from_validation, ignored_fields, repeated, said_of_twice
from flowbrush.wording import OfField

FILE_VERSION = 1
MAX_FILE_BYTES = 256 << 20
MAX_IMAGE_CHARS = 32 << 20

Text = Annotated[str | bytes, one_of("the text of a session file", str, bytes)]


class PromptSetAt(PromptSet):
    """`prompt.set`, first seen by the making of `chunk`."""

    chunk: Chunk


class TrackBeginAt(TrackBegin):
    """`track.begin`, first seen by the making of `chunk`."""

    chunk: Chunk


class TrackMoveAt(TrackMove):
    """`track.move`, first seen by the making of `chunk`."""

    chunk: Chunk


class TrackEndAt(TrackEnd):
    """`track.end`, first seen by the making of `chunk`."""

    chunk: Chunk


class TracksClearAt(TracksClear):
    """`tracks.clear`, first seen by the making of `chunk`."""

    chunk: Chunk


class CameraSetAt(CameraSet):
    """`camera.set`, first seen by the making of `chunk`."""

    chunk: Chunk


class StepsSetAt(StepsSet):
    """`steps.set`, first seen by the making of `chunk`."""

    chunk: Chunk


ControlAt = Annotated[
    PromptSetAt | TrackBeginAt | TrackMoveAt | TrackEndAt | TracksClearAt | CameraSetAt | StepsSetAt,
    Field(discriminator="type"),
]
_LOGGED: dict[type[Body], type[Body]] = {
    PromptSet: PromptSetAt,
    TrackBegin: TrackBeginAt,
    TrackMove: TrackMoveAt,
    TrackEnd: TrackEndAt,
    TracksClear: TracksClearAt,
    CameraSet: CameraSetAt,
    StepsSet: StepsSetAt,
}


def at_chunk(control: Control, chunk: int) -> ControlAt:
    """The control as a session file keeps it. It stays an instance of its own class, too."""
    cls = _LOGGED[type(control)]
    return cls.model_construct(**dict(control), chunk=chunk)  # type: ignore[return-value]


def without_chunk(control: ControlAt) -> Control:
    """The control as it came, without the chunk."""
    cls = type(control).__mro__[1]
    fields = {name: value for name, value in control if name != "chunk"}
    made: Control = cls.model_construct(**fields)  # type: ignore[attr-defined]  # each stands on its control
    return made


class FileStart(StartFields):
    """Fields of `session.start`; `image` is a `data:` URL or the path of an image, relative to the file. A `source` says that the
    client's video was followed, which the file does not hold.
    """

    image: Annotated[str, Field(min_length=1, max_length=MAX_IMAGE_CHARS)] | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if not self.prompt_list and not self.pictured:
            raise OfField("prompt", NO_PROMPT, "missing")
        return self


def _read(text: str | bytes) -> Any:
    """The file as it was written. Raises ProtocolError for a name that stands twice in an object, as two lists of controls do when
    files are joined by hand: one of them would be lost.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = repeated(name for name, _ in pairs)
            raise ProtocolError(ErrorCode.INVALID_VALUE, said_of_twice(twice), field=twice[:100])
        return found

    return json.loads(text, object_pairs_hook=once)


class SessionFile(Body):
    """One session. `controls` are in the order in which they came, so their chunks do not decrease.

    `weights` is the fingerprint of the weights that it was made with, `sha256:` and 64 digits.
    """

    flowbrush: Literal[1] = 1
    model: Annotated[str, Field(min_length=1, max_length=100)]
    weights: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    start: FileStart
    controls: Annotated[tuple[ControlAt, ...], Field(fail_fast=True)] = ()
    chunks: Annotated[int, Field(ge=0, le=2**32 - 1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.start.model not in (None, self.model):
            raise OfField(
                "model", f"model is {self.model!r}, but start.model is {self.start.model!r}: they must agree"
            )
        last = 0
        for index, control in enumerate(self.controls):
            if control.chunk < last:
                raise OfField(
                    f"controls[{index}].chunk",
                    f"controls must be in order, but controls[{index}] has chunk {control.chunk} after {last}",
                )
            last = control.chunk
        return self

    @classmethod
    @checked
    def parse(cls, text: Text) -> Parsed[SessionFile]:
        """The session in `text` and the paths of ignored fields; raises ProtocolError."""
        if len(text) > MAX_FILE_BYTES:
            raise ProtocolError(
                ErrorCode.TOO_LARGE, f"the file has more than {MAX_FILE_BYTES} bytes, the most that are taken"
            )
        try:
            session = cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise from_validation(error, whole="the file") from None
        if "flowbrush" not in session.model_fields_set:
            raise ProtocolError(
                ErrorCode.MISSING_FIELD,
                f"flowbrush is missing: a session file says its version, {FILE_VERSION}",
                field="flowbrush",
            )
        return Parsed(session, tuple(ignored_fields(_read(text), session)))

    @classmethod
    @checked
    def read(cls, path: PathLike) -> SessionFile:
        """The session in a file; raises OSError when it cannot be read, ProtocolError naming the file."""
        return cls.read_with_ignored(path).message

    @classmethod
    @checked
    def read_with_ignored(cls, path: PathLike) -> Parsed[SessionFile]:
        """The session in a file and the paths of ignored fields; raises as `read` does."""
        try:
            with open(path, "rb") as file:  # no further than a byte too much: a device has no end
                text = file.read(MAX_FILE_BYTES + 1)
            return cls.parse(text.removeprefix(codecs.BOM_UTF8))
        except ProtocolError as error:
            raise ProtocolError(
                error.code, f"{os.fspath(path)}: {error.message}", field=error.field
            ) from None

    @checked
    def to_json(self, *, indent: int | None = None) -> str:
        """JSON text; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True, indent=indent)

    @checked
    def write(self, path: PathLike) -> None:
        """Write the file in one step, so that a reader never sees half of it."""
        target = Path(path)
        part = target.with_name(target.name + ".part")
        try:
            part.write_text(self.to_json(indent=1) + "\n", encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
