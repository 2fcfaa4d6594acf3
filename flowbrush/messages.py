"""What every message shares: the base class, ranges of the common fields, codecs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowbrush import limits
from flowbrush.arguments import refusal

MAX_CHUNK = 2**32 - 1  # a chunk's number travels in a u32 of the packet header

MessageId = Annotated[int, Field(ge=1, le=limits.MAX_ID)]
Chunk = Annotated[int, Field(ge=0, le=MAX_CHUNK)]
Seconds = Annotated[float, Field(ge=0, le=limits.MAX_TIME_S)]
Micros = Annotated[int, Field(ge=0, le=2**63 - 1)]
Millis = Annotated[float, Field(ge=0)]
TrackNumber = Annotated[int, Field(ge=0, le=limits.MAX_TRACK_NUMBER)]
TrackKind = Literal["drag", "pin", "path"]
Coordinate = Annotated[float, Field(ge=limits.MIN_COORDINATE, le=limits.MAX_COORDINATE)]
Place = tuple[Coordinate, Coordinate]  # x right, y down, in frame sizes
# fail_fast, here and in all lists: of a million entries that do not fit one is told, and no other looked at.
Polygon = Annotated[tuple[Place, ...], Field(fail_fast=True)]


class Codec(StrEnum):
    """How frames are encoded. `number` is the codec field of the packet header."""

    JPEG = "jpeg"
    H264 = "h264"
    VP8 = "vp8"
    VP9 = "vp9"
    AV1 = "av1"

    @property
    def number(self) -> int:
        return _CODECS.index(self)

    @classmethod
    def from_number(cls, number: int) -> Codec:
        """The codec of a header's codec field; raises ValueError for a number that is not assigned."""
        if not 0 <= number < len(_CODECS):
            raise ValueError(f"unknown codec number {number}: expected 0 to {len(_CODECS) - 1}")
        return _CODECS[number]


_CODECS = (Codec.JPEG, Codec.H264, Codec.VP8, Codec.VP9, Codec.AV1)


class Body(BaseModel):
    """A part of a message. Immutable, no NaN or infinity, unknown fields are dropped. Made with fields that do not fit it raises
    TypeError or ValueError, parsed from text pydantic.ValidationError.

    What checks one is built when it is first used: a client imports all messages, and uses few.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, defer_build=True)

    if not TYPE_CHECKING:  # type checkers know the fields

        def __init__(self, /, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise refusal(error) from None

        __init__.__pydantic_base_init__ = True  # no work of its own: what is parsed need not come by here


class Message(Body):
    """A whole message: has a literal `type` in every subclass."""

    def to_json(self) -> str:
        """The message as it goes over the wire; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True)
