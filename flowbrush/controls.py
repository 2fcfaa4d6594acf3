"""Controls: messages that change what is generated. One that carries an `id` is acknowledged twice."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from unicodedata import category

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from flowbrush import limits
from flowbrush.messages import (
    Body,
    Coordinate,
    Message,
    MessageId,
    Place,
    Polygon,
    Seconds,
    TrackKind,
    TrackNumber,
)
from flowbrush.wording import OfField, TooMany

Pan = Annotated[float, Field(ge=-limits.MAX_PAN, le=limits.MAX_PAN)]
Zoom = Annotated[float, Field(ge=-limits.MAX_ZOOM, le=limits.MAX_ZOOM)]
Roll = Annotated[float, Field(ge=-limits.MAX_ROLL, le=limits.MAX_ROLL)]


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: it is empty, or has spaces and characters without a picture alone."""
    return all(character in _UNSEEN or category(character) in _UNSEEN_KINDS for character in text)


_UNSEEN_KINDS = ("Zs", "Zl", "Zp", "Cc", "Cf")
_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))
)
"""fillers, joiners and selectors of variants, which Unicode counts among letters, marks and symbols"""


def _seen(text: str) -> str:
    if is_blank(text):
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return text


PromptText = Annotated[str, Field(min_length=1, max_length=limits.MAX_PROMPT_CHARS), AfterValidator(_seen)]


class Prompt(Body):
    """One text and its share in the blend; only the ratio of the weights matters."""

    text: PromptText
    weight: Annotated[float, Field(gt=0, le=limits.MAX_WEIGHT)] = 1.0


class Transition(Body):
    """How a new prompt takes over: blended in over `chunks` chunks."""

    chunks: Annotated[int, Field(ge=1, le=limits.MAX_TRANSITION_CHUNKS)]
    method: Literal["linear", "slerp"] = "linear"


class Point(Body):
    """A point of a track: `t` in seconds, `x` right, `y` down in frame sizes; if not `visible`, occluded."""

    t: Seconds
    x: Coordinate
    y: Coordinate
    visible: bool = True


class Grid(Body):
    """Points that move together: rows × cols centred on the point, `spacing` of the frame's sides apart."""

    rows: Annotated[int, Field(ge=1, le=limits.MAX_GRID_SIDE)]
    cols: Annotated[int, Field(ge=1, le=limits.MAX_GRID_SIDE)]
    spacing: Annotated[float, Field(gt=0, le=limits.MAX_GRID_SPACING)]


def _times_in_order(points: tuple[Point, ...]) -> tuple[Point, ...]:
    for index in range(1, len(points)):
        if points[index].t < points[index - 1].t:
            raise ValueError(
                f"times must not decrease, but point {index} has t={points[index].t:g} "
                f"after t={points[index - 1].t:g}"
            )
    return points


def _bounded(region: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
    total = sum(map(len, region))
    if total > limits.MAX_REGION_POINTS:
        raise TooMany(f"at most {limits.MAX_REGION_POINTS} points in all, not {total}: simplify the outline")
    return region


Prompts = Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=limits.MAX_PROMPTS, fail_fast=True)]
Points = Annotated[tuple[Point, ...], Field(min_length=1, max_length=limits.MAX_POINTS, fail_fast=True)]
Touches = Annotated[tuple[Place, ...], Field(max_length=limits.MAX_TOUCHES, fail_fast=True)]
Region = Annotated[
    tuple[Annotated[Polygon, Field(min_length=3)], ...],
    Field(min_length=1, max_length=limits.MAX_POLYGONS, fail_fast=True),
    AfterValidator(_bounded),
]


class PromptSet(Message):
    """New prompt from the next chunk on that is not yet being generated; the context is kept."""

    type: Literal["prompt.set"] = "prompt.set"
    id: MessageId | None = None
    prompts: Prompts
    transition: Transition | None = None


class TrackBegin(Message):
    """A new track. `t` is pts on the viewer's screen with drag and pin; with a path it counts from 0.

    What is taken is what the server finds at the first point, corrected by points of `add` and `remove`; or
    `region`: polygons of (x, y), even-odd, which say it themselves.
    """

    type: Literal["track.begin"] = "track.begin"
    id: MessageId | None = None
    track: TrackNumber
    kind: TrackKind
    points: Points
    grid: Grid | None = None
    region: Region | None = None
    add: Touches | None = None
    remove: Touches | None = None

    _order = field_validator("points")(_times_in_order)

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if self.region is not None and (self.add or self.remove):
            raise OfField("region", "give either a region, or points to add and remove, not both")
        return self


class TrackMove(Message):
    """More points of a live drag (or of a pin that is moved)."""

    type: Literal["track.move"] = "track.move"
    id: MessageId | None = None
    track: TrackNumber
    points: Points

    _order = field_validator("points")(_times_in_order)


class TrackEnd(Message):
    """The point is released: from then on it is unspecified, not occluded."""

    type: Literal["track.end"] = "track.end"
    id: MessageId | None = None
    track: TrackNumber


class TracksClear(Message):
    """Removes all tracks, or those of the kinds named."""

    type: Literal["tracks.clear"] = "tracks.clear"
    id: MessageId | None = None
    kinds: Annotated[tuple[TrackKind, ...], Field(min_length=1, max_length=3, fail_fast=True)] | None = None


class CameraSet(Message):
    """Camera control: values per second with mode `velocity`, totals since the stream began with `target`.

    `pan` in frame sizes, right and down positive (the scene moves the other way); `zoom` in doublings,
    positive goes in; `roll` in degrees, positive turns the camera clockwise. Velocity zero stands still.
    """

    type: Literal["camera.set"] = "camera.set"
    id: MessageId | None = None
    mode: Literal["velocity", "target"]
    pan: tuple[Pan, Pan] = (0.0, 0.0)
    zoom: Zoom = 0.0
    roll: Roll = 0.0


class StepsSet(Message):
    """The server's own entry in a session's log, which no client sends: from here on a chunk takes no more than `steps` denoising
    steps; None: as many as the stream was begun with.
    """

    type: Literal["steps.set"] = "steps.set"
    id: None = None
    steps: Annotated[int, Field(ge=1, le=limits.MAX_STEPS)] | None = None


CONTROL_TYPES = (PromptSet, TrackBegin, TrackMove, TrackEnd, TracksClear, CameraSet)
ClientControl = PromptSet | TrackBegin | TrackMove | TrackEnd | TracksClear | CameraSet
Control = Annotated[ClientControl | StepsSet, Field(discriminator="type")]
"""Whatever changes a stream, and so stands in its log."""
