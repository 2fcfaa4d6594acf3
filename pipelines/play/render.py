"""`flowbrush render`: a session file to a video, offline, by the same step that serves people."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flowbrush.errors import ProtocolError
from flowbrush.models.cpus import Threads
from flowbrush.models.loading.fingerprint import fingerprint
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.media.source_file import clips
from flowbrush.pipelines.media.video_file import check_target, frame_folder, video_file
from flowbrush.pipelines.play.session import play, settings_of
from flowbrush.pipelines.requests import SourceClip, StreamSettings, check_settings
from flowbrush.session_file import SessionFile

PREVIEW_S = 5.0
MOST_NAMED = 8
STRENGTH = 0.6


@dataclass(frozen=True)
class Rendered:
    """What was written: `frames` frames of `seconds` seconds. `notices` are what the person should know."""

    frames: int
    seconds: float
    notices: tuple[str, ...]


def render(session_path: str | os.PathLike[str], out: str | os.PathLike[str], *, frames_only: bool = False,
           preview: bool = False, device: str = "auto", overwrite: bool = False, progress: bool = True,
           source: str | os.PathLike[str] | None = None, strength: float | None = None,
           generator: Generator | None = None) -> Rendered:  # fmt: skip
    """Plays a session file and writes the MP4 `out`, or with `frames_only` a folder of PNGs of that name.

    `source` is a video that the pictures follow as long as it lasts, by `strength` 0..1, the session's own or 0.6 where it is left
    out. `preview` makes the first 5 seconds alone, the very frames that the whole video begins with. `progress`
    shows a bar on stderr. `generator` is one that is loaded already. Raises OSError or ValueError, each with
    what to do about it; `out` appears whole or not at all, also when the process is interrupted.
    """
    if strength is not None and source is None:
        raise ValueError(
            f"strength {strength:g} says how closely a video is followed: name the video with --source, or leave --strength out"
        )
    path, target = Path(session_path), Path(out)
    video = None if source is None else Path(source)
    check_target(target, path, video, frames_only=frames_only, overwrite=overwrite)
    session, ignored = _read(path)
    generator = generator or Generator.load(session.model, device=device, seats=1)
    card, settings = generator.card, _settings(path, session, generator)
    followed = _video(session, generator, settings, video, strength)
    chunks = session.chunks
    if preview:
        chunks = min(chunks, math.ceil(PREVIEW_S * card.fps / card.chunk_frames))
    size = (settings.width, settings.height)
    frames, notices = 0, [*_unknown(ignored), *_other_weights(session, generator), *_late_controls(session)]
    writing = frame_folder(target) if frames_only else video_file(target, *size, card.fps)
    with writing as writer, _bar(progress, target, chunks * card.chunk_frames) as advance:
        threads = Threads(0)
        for result in play(generator, settings, session, chunks, followed):
            threads.follow()
            for frame in result.frames:
                writer.write(frame)
            frames += len(result.frames)
            notices += [notice.message for notice in result.notices]
            advance(len(result.frames))
    return Rendered(frames, frames / card.fps, tuple(dict.fromkeys(notices)))


def _read(path: Path) -> tuple[SessionFile, tuple[str, ...]]:
    """A session file that has chunks, and the paths of its fields that mean nothing. Raises OSError and ValueError."""
    try:
        session, ignored = SessionFile.read_with_ignored(path)
    except ProtocolError as error:
        raise ValueError(str(error)) from error
    if session.chunks < 1:
        raise ValueError(f"{path}: chunks is 0: there is nothing to render")
    return session, ignored


def _settings(path: Path, session: SessionFile, generator: Generator) -> StreamSettings:
    """What the session of a file is made with. Raises ValueError, naming the file, where the model does not make it."""
    try:
        settings = settings_of(session, generator.card, path.parent)
        check_settings(generator.card, settings)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return settings


def _unknown(ignored: tuple[str, ...]) -> list[str]:
    if not ignored:
        return []
    more = f" and {len(ignored) - MOST_NAMED} more" if len(ignored) > MOST_NAMED else ""
    return [f"unknown fields have no effect: {', '.join(ignored[:MOST_NAMED])}{more}"]


def _video(session: SessionFile, generator: Generator, settings: StreamSettings,
           source: Path | None, strength: float | None) -> Iterable[SourceClip]:  # fmt: skip
    """The video that is to be followed. Raises ValueError where a session followed one and none is named."""
    card, given = generator.card, session.start.source if session.start.shows_source else None
    if source is None:
        if given is not None:
            raise ValueError(
                "the session followed a video, which its file does not hold: name it with --source"
            )
        return ()
    if not card.capabilities.get("source"):
        raise ValueError(f"the model {card.name} cannot follow a video")
    own = STRENGTH if given is None else given.strength
    size, wanted = (settings.width, settings.height), own if strength is None else strength
    return clips(source, size, card.fps, card.chunk_frames, wanted)


def _other_weights(session: SessionFile, generator: Generator) -> list[str]:
    if session.weights is None or session.weights == fingerprint(generator.model):
        return []
    return [f"the session was made with other weights of {session.model}: pictures will differ"]


def _late_controls(session: SessionFile) -> list[str]:
    late = sum(control.chunk >= session.chunks for control in session.controls)
    if not late:
        return []
    return [
        f"{late} control(s) come at chunk {session.chunks} or later, where the session ends: they have no effect"
    ]


@contextmanager
def _bar(shown: bool, out: Path, total: int) -> Iterator:  # type: ignore[type-arg]
    """A progress bar with the time left; gives the function that moves it on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task(out.name, total=total)
        yield lambda count: bar.advance(task, count)
