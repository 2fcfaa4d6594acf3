"""The order that makes a stream's state at a worker, and the stream's settings as plain data in it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from flowbrush.controls import TrackBegin
from flowbrush.pipelines.requests import Frames, StreamSettings


class Picture(msgspec.Struct, frozen=True, array_like=True):
    """RGB, 8 bits."""

    height: int
    width: int
    rgb: bytes


class Settings(msgspec.Struct, frozen=True, array_like=True):
    """`StreamSettings` as plain data: its fields, the tracks as JSON, the image apart."""

    fields: dict[str, Any]
    tracks: tuple[str, ...]
    image: Picture | None


class Open(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Make the stream's state, from its settings or from a snapshot: the file, or where files are not shared its content.
    `anyway`: even if texts of its prompt are still to be read.
    """

    stream: str
    epoch: int
    settings: Settings
    codec: str
    snapshot: str | None = None
    blob: bytes | None = None
    anyway: bool = False


def opening(
    stream: str, epoch: int, settings: StreamSettings, codec: str, snapshot: str | None, anyway: bool = False
) -> Open:
    """The order for a stream with these settings."""
    apart = ("tracks", "image")
    fields = {name: getattr(settings, name) for name in settings.__dataclass_fields__ if name not in apart}
    image = None
    if settings.image is not None:
        height, width, _ = settings.image.shape
        image = Picture(height, width, np.ascontiguousarray(settings.image).tobytes())
    tracks = tuple(track.to_json() for track in settings.tracks)
    return Open(stream, epoch, Settings(fields, tracks, image), codec, snapshot, anyway=anyway)


def settings_of(order: Open) -> StreamSettings:
    """The settings in an order that `opening` made."""
    given = order.settings
    prompts = tuple((text, weight) for text, weight in given.fields["prompts"])
    image: Frames | None = None
    if given.image is not None:
        shape = (given.image.height, given.image.width, 3)
        image = np.frombuffer(given.image.rgb, np.uint8).reshape(shape).copy()
    tracks = tuple(TrackBegin.model_validate(json.loads(body)) for body in given.tracks)
    return StreamSettings(**{**given.fields, "prompts": prompts, "tracks": tracks, "image": image})
