"""Session files played through the generator."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.play.session import load_image, play, settings_of
from flowbrush.session_file import SessionFile

PICTURE = np.random.default_rng(3).integers(0, 255, (6, 8, 3), dtype=np.uint8)
POINTS = [{"t": 0.0, "x": 0.3, "y": 0.5}, {"t": 1.0, "x": 0.7, "y": 0.5}]
CONTROLS: list[dict[str, Any]] = [
    {"chunk": 1, "type": "track.begin", "id": 1, "track": 1, "kind": "path", "points": POINTS},
    {"chunk": 2, "type": "prompt.set", "id": 2, "prompts": [{"text": "a dog"}], "transition": {"chunks": 2}},
    {"chunk": 2, "type": "camera.set", "id": 3, "mode": "velocity", "pan": [0.2, 0]},
    {"chunk": 4, "type": "tracks.clear", "id": 4},
]


def session(controls: list[dict[str, Any]] = CONTROLS, chunks: int = 6, **start: Any) -> SessionFile:
    body = {"flowbrush": 1, "model": "pocket-random", "start": {"prompt": "a cat", **start},
            "controls": controls, "chunks": chunks}  # fmt: skip
    return SessionFile.model_validate(body)


def frames(generator: Generator, file: SessionFile, chunks: int | None = None) -> np.ndarray:
    settings = settings_of(file, generator.card, Path("."))
    return np.concatenate([r.frames for r in play(generator, settings, file, chunks or file.chunks)])


def test_the_same_file_gives_the_same_frames(tiny: Generator) -> None:
    text = session(seed=5).to_json()
    one, other = (frames(tiny, SessionFile.parse(text).message) for _ in range(2))
    assert one.shape == (24, 64, 64, 3)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, frames(tiny, session(seed=6)))


def test_controls_come_at_their_chunks(tiny: Generator) -> None:
    file = session()
    results = list(play(tiny, settings_of(file, tiny.card, Path(".")), file, file.chunks))
    assert [(a.id, a.frame) for r in results for a in r.applied] == [(1, 4), (2, 8), (3, 8), (4, 16)]
    assert [r.prompt for r in results] == ["a cat", "a cat", "a cat → a dog (50%)", "a dog", "a dog", "a dog"]


def test_a_file_is_what_the_live_stream_was(tiny: Generator) -> None:
    """Frames made step by step, with the controls as they came, are those of the file."""
    file = session(seed=9)
    state = tiny.start(settings_of(file, tiny.card, Path(".")))
    live = []
    for chunk in range(file.chunks):
        given = [control for control in file.controls if control.chunk == chunk]
        live.append(tiny.step([state], [given])[0].frames)
    tiny.release(state)
    assert np.array_equal(np.concatenate(live), frames(tiny, file))


def test_the_beginning_of_a_file_is_the_beginning_of_its_video(tiny: Generator) -> None:
    assert np.array_equal(frames(tiny, session(), 2), frames(tiny, session())[:8])


def test_the_seat_is_given_back_even_when_nobody_reads_on(tiny: Generator) -> None:
    file = session()
    playing = play(tiny, settings_of(file, tiny.card, Path(".")), file, file.chunks)
    next(playing)
    assert len(tiny.free) == tiny.seats - 1
    playing.close()
    assert len(tiny.free) == tiny.seats


def test_defaults_are_the_models(tiny: Generator) -> None:
    settings = settings_of(session(), tiny.card, Path("."))
    assert (settings.width, settings.height, settings.fps) == (64, 64, 16)
    assert settings.prompts == (("a cat", 1.0),) and settings.seed == 0 and settings.image is None


@pytest.mark.parametrize(
    ("missing", "file", "where"),
    [
        ("camera", session(), r"controls\[2\].*'camera'"),
        ("path", session(), r"controls\[0\].*'path'"),
        ("transition", session(), r"controls\[1\].*'transition'"),
        ("image", session(image="data:image/png;base64,AA=="), "start.image.*'image'"),
        ("pin", session(tracks=[{"track": 1, "kind": "pin", "points": POINTS}]), "start.tracks.*'pin'"),
    ],
)
def test_what_the_model_cannot_do_is_refused(
    tiny: Generator, missing: str, file: SessionFile, where: str
) -> None:
    card = replace(tiny.card, capabilities={**tiny.card.capabilities, missing: False})
    with pytest.raises(ValueError, match=where):
        settings_of(file, card, Path("."))


def png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(PICTURE).save(out, "PNG")
    return out.getvalue()


def test_start_images_come_from_the_file_or_its_folder(tmp_path: Path) -> None:
    (tmp_path / "start.png").write_bytes(png())
    url = "data:image/png;base64," + base64.b64encode(png()).decode()
    assert np.array_equal(load_image("start.png", tmp_path), PICTURE)
    assert np.array_equal(load_image(url, tmp_path), PICTURE)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("none.png", "none.png cannot be read"),
        ("a\0b.png", "b.png' cannot be read"),
        ("data:image/png,abc", "must hold base64"),
        ("data:image/png;base64,@@@", "is not base64"),
        ("data:image/png;base64,AAAA", "not an image that can be read"),
        ("text.png", "not an image that can be read"),
        ("half.png", "half.png: the image is broken"),
    ],
)
def test_broken_start_images_are_told(tmp_path: Path, image: str, message: str) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "half.png").write_bytes(png()[:-40])
    with pytest.raises(ValueError, match=f"start.image: .*{message}"):
        load_image(image, tmp_path)
