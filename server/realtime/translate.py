"""What vLLM-Omni's clients ask for, in the words of the project's own protocol. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from itertools import count

from pydantic import ValidationError

from flowbrush.controls import ClientControl, is_blank
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.parse import from_validation
from flowbrush.protocol import (
    Prompt,
    PromptSet,
    SessionStart,
    TrackEnd,
    Transition,
)
from flowbrush.server.realtime.camera import camera_set
from flowbrush.server.realtime.client_messages import ImageReference, Interaction, Start

DATA_URL = "data:"


def session_start(start: Start, model: str, image: str | None) -> SessionStart:
    """The stream that is asked for: of `model` where none is named, from the upload `image`. Raises ProtocolError."""
    width, height = _size(start)
    params = start.video_params
    tracks = (
        start.multi_modal_data.tracks.data.begin
        if start.multi_modal_data and start.multi_modal_data.tracks
        else ()
    )
    settings = {
        "model": start.model or model,
        "prompt": None if is_blank(start.prompt) else start.prompt,
        "seed": start.seed,
        "image": image,
        "width": width,
        "height": height,
        "fps": start.fps or (params.fps if params else None),
        "steps": start.num_inference_steps,
        "codecs": ("h264",),
        "tracks": tuple(track.model_copy(update={"id": None}) for track in tracks),
    }
    try:
        return SessionStart.model_validate(settings)
    except ValidationError as error:
        raise from_validation(error) from None


def frames_of(start: Start, fps: float) -> int | None:
    """How many frames are asked for; None where the video goes on until it is stopped."""
    params = start.video_params
    frames = start.num_frames or (params.num_frames if params else None)
    if frames is None and start.seconds is not None:
        frames = round(int(start.seconds) * fps)
    return frames


def of_theirs(field: str | None) -> str | None:
    """Where in their `session.start` stands what ours calls `field`, of those that have another place there."""
    if field == "image":
        return "image_reference.file_id"
    if field is not None and field.startswith("tracks["):
        return f"multi_modal_data.tracks.data.begin{field.removeprefix('tracks')}"
    return field


def picture(reference: ImageReference) -> bytes | None:
    """The bytes of a `data:` URL; None where an upload is named. Raises ProtocolError."""
    if reference.image_url is None:
        return None
    field = "image_reference.image_url"
    if not reference.image_url.startswith(DATA_URL):
        text = "this server loads nothing from elsewhere: give the picture as a data: URL, or upload it and give its file_id"
        raise ProtocolError(ErrorCode.UNSUPPORTED, f"{field}: {text}", field=field)
    kind, comma, data = reference.image_url.partition(",")
    try:
        if not comma or not kind.endswith(";base64"):
            raise ValueError("expected data:image/…;base64,…")
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        text = f"{field}: what follows the comma is no base64 ({error})"
        raise ProtocolError(ErrorCode.INVALID_VALUE, text, field=field) from None
    except ValueError as error:
        raise ProtocolError(ErrorCode.INVALID_VALUE, f"{field}: {error}", field=field) from None


def controls(interaction: Interaction, ids: count[int], fps: float, aspect: float) -> Iterator[ClientControl]:
    """The controls that an interaction is, with ids. Tracks come first: they alone can be refused for what the stream is at.

    Raises ProtocolError.
    """
    event = interaction.event
    given = event.multi_modal_data
    if given is not None and given.tracks is not None:
        changes = given.tracks.data
        for begin in changes.begin:
            yield begin.model_copy(update={"id": next(ids)})
        for move in changes.move:
            yield move.model_copy(update={"id": next(ids)})
        for track in changes.end:
            yield TrackEnd(id=next(ids), track=track)
    if given is not None and given.camera is not None:
        try:
            camera = camera_set(given.camera, fps, aspect)
        except ValidationError as error:
            refused = from_validation(error)
            text = f"the camera goes too far, or too fast, for this server: {refused.message}"
            field = "interaction.event.multi_modal_data.camera.data"
            raise ProtocolError(refused.code, text, field=field) from None
        yield camera.model_copy(update={"id": next(ids)})
    if event.prompt is not None:
        chunks = interaction.transition_chunks
        transition = Transition(chunks=chunks) if chunks else None
        yield PromptSet(id=next(ids), prompts=(Prompt(text=event.prompt),), transition=transition)


def _size(start: Start) -> tuple[int | None, int | None]:
    if start.size is not None:
        width, _, height = start.size.partition("x")
        return int(width), int(height)
    params = start.video_params
    return (
        start.width or (params.width if params else None),
        start.height or (params.height if params else None),
    )
