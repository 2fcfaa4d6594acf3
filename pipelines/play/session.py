"""A session file played through a generator: the same settings and the same controls at the same chunks."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from flowbrush.controls import CameraSet, Control, PromptSet, TrackBegin
from flowbrush.models.cards.card import ModelCard
from flowbrush.pipelines.conditions.track_events import check_tracks
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.media.picture import BadPicture, read_picture
from flowbrush.pipelines.requests import ChunkResult, Frames, SourceClip, StreamSettings, size_of
from flowbrush.session_file import SessionFile, without_chunk


def settings_of(session: SessionFile, card: ModelCard, folder: Path) -> StreamSettings:
    """The settings of a session for the model of `card`, defaults filled in.

    `folder` is where the path of a start image begins. Raises ValueError for an image that cannot be read,
    for what the model cannot do, and for events of tracks that do not fit each other.
    """
    check_capabilities(session, card)
    start = session.start
    check_tracks(session, card.chunk_frames / (start.fps or card.fps))
    image = None if start.image is None else load_image(start.image, folder)
    width, height = size_of(card, start.width, start.height, image)
    return StreamSettings(
        model=session.model,
        prompts=tuple((prompt.text, prompt.weight) for prompt in start.prompt_list),
        width=width,
        height=height,
        fps=start.fps or card.fps,
        seed=start.seed or 0,
        steps=start.steps,
        image=image,
        tracks=start.tracks,
        source=start.shows_source,
    )


def play(
    generator: Generator,
    settings: StreamSettings,
    session: SessionFile,
    chunks: int,
    clips: Iterable[SourceClip] = (),
) -> Iterator[ChunkResult]:
    """The first `chunks` chunks of the session, made one after the other; `clips` are a video that is followed as long as it
    lasts. The seat is given back at the end.
    """
    by_chunk: dict[int, list[Control]] = defaultdict(list)
    for control in session.controls:
        by_chunk[control.chunk].append(without_chunk(control))
    state, video = generator.start(settings), iter(clips)
    try:
        for chunk in range(chunks):
            clip, given = next(video, None), [by_chunk.get(chunk, ())]
            if clip is None:
                yield generator.step([state], given)[0]
            else:
                yield generator.step([state], given, sources=[clip])[0]
    finally:
        generator.release(state)


def check_capabilities(session: SessionFile, card: ModelCard) -> None:
    """Raises ValueError for the first thing in the session that the model of `card` cannot do."""
    needed: list[tuple[str, str]] = [(track.kind, "start.tracks") for track in session.start.tracks]
    if session.start.image is not None:
        needed.append(("image", "start.image"))
    if session.start.shows_source:
        needed.append(("source", "start.source"))
    needed += [(_needs(control), f"controls[{index}]") for index, control in enumerate(session.controls)]
    for name, field in needed:
        if name and not card.capabilities.get(name):
            raise ValueError(f"{field}: the model {card.name} cannot do {name!r}")


def _needs(control: Control) -> str:
    if isinstance(control, TrackBegin):
        return control.kind
    if isinstance(control, CameraSet):
        return "camera"
    return "transition" if isinstance(control, PromptSet) and control.transition else ""


def load_image(image: str, folder: Path) -> Frames:
    """A start image, from a `data:` URL or a path relative to `folder`: RGB uint8 [H, W, 3]. Raises
    ValueError.
    """
    if image.startswith("data:"):
        head, comma, body = image.partition(",")
        if not comma or not head.endswith(";base64"):
            raise ValueError("start.image: a data: URL must hold base64, as in data:image/png;base64,…")
        try:
            source: Path | bytes = base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise ValueError(f"start.image: the data: URL is not base64 ({error})") from None
        name = "the data: URL"
    else:
        source, name = folder / image, str(folder / image)
    try:
        return read_picture(source)
    except BadPicture as error:
        raise ValueError(f"start.image: {name}: {error}") from None
    except OSError as error:
        raise ValueError(f"start.image: {name} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a path with a NUL
        raise ValueError(f"start.image: {name!r} cannot be read: {error}") from None
