"""`flowbrush render`: whole videos or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.play.render import render

SESSION: dict[str, Any] = {
    "flowbrush": 1,
    "model": "pocket-random",
    "start": {"prompt": "a cat", "seed": 3},
    "chunks": 5,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "session.json"
    path.write_text(json.dumps(SESSION))
    return path


def changed(file: Path, **fields: Any) -> Path:
    file.write_text(json.dumps({**SESSION, **fields}))
    return file


def rest(file: Path) -> list[str]:
    """What lies in the folder in addition to the session file."""
    return sorted(path.name for path in file.parent.iterdir() if path != file)


def video(path: Path) -> tuple[Any, np.ndarray]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream, np.stack(frames)


def pngs(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def test_a_video_holds_every_frame_at_the_right_rate(tiny: Generator, file: Path) -> None:
    out = file.parent / "out.mp4"
    rendered = render(file, out, generator=tiny, progress=False)
    stream, frames = video(out)
    assert (rendered.frames, rendered.seconds) == (20, 1.25)
    assert frames.shape == (20, 64, 64, 3)
    assert stream.average_rate == 16 and stream.codec_context.name == "h264" and stream.pix_fmt == "yuv420p"
    data = out.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat"), "the index comes first"
    assert rest(file) == ["out.mp4"]
    assert len(tiny.free) == tiny.seats


def test_the_frames_of_the_video_are_the_generators(tiny: Generator, file: Path) -> None:
    render(file, file.parent / "frames", frames_only=True, generator=tiny, progress=False)
    render(file, file.parent / "out.mp4", generator=tiny, progress=False)
    exact, encoded = pngs(file.parent / "frames"), video(file.parent / "out.mp4")[1]
    assert exact.shape == encoded.shape
    error = np.abs(exact.astype(int).mean((2, 3)) - encoded.astype(int).mean((2, 3)))
    assert error.mean() < 6, "colours survive"
    assert sorted(p.name for p in (file.parent / "frames").iterdir())[:2] == [
        "frame_000000.png",
        "frame_000001.png",
    ]


def test_rendering_twice_gives_the_same_frames(tiny: Generator, file: Path) -> None:
    for name in ("one", "two"):
        render(file, file.parent / name, frames_only=True, generator=tiny, progress=False)
    assert np.array_equal(pngs(file.parent / "one"), pngs(file.parent / "two"))


def test_a_preview_is_the_first_five_seconds_exactly(tiny: Generator, file: Path) -> None:
    changed(file, chunks=23)
    for name, preview in (("whole", False), ("preview", True)):
        render(file, file.parent / name, frames_only=True, preview=preview, generator=tiny, progress=False)
    preview_frames = pngs(file.parent / "preview")
    assert len(preview_frames) == 80
    assert np.array_equal(preview_frames, pngs(file.parent / "whole")[:80])


@pytest.mark.parametrize("frames_only", [False, True])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_of_a_video_that_was_not_finished(
    tiny: Generator,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    frames_only: bool,
    error: type[BaseException],
) -> None:
    real, calls = tiny.step, []

    def step(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise error("stop")
        return real(*args)

    monkeypatch.setattr(tiny, "step", step)
    with pytest.raises(error):
        render(file, file.parent / "out.mp4", frames_only=frames_only, generator=tiny, progress=False)
    assert rest(file) == []
    assert len(tiny.free) == tiny.seats


def test_what_was_there_stays_when_the_new_one_fails(
    tiny: Generator, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = file.parent / "out.mp4"
    out.write_bytes(b"precious")

    def step(*args: Any) -> Any:
        raise RuntimeError("stop")

    monkeypatch.setattr(tiny, "step", step)
    with pytest.raises(RuntimeError):
        render(file, out, overwrite=True, generator=tiny, progress=False)
    assert out.read_bytes() == b"precious"


def test_overwriting_has_to_be_asked_for(tiny: Generator, file: Path) -> None:
    out = file.parent / "out.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(ValueError, match="there already"):
        render(file, out, generator=tiny, progress=False)
    assert out.read_bytes() == b"precious"
    render(file, out, overwrite=True, generator=tiny, progress=False)
    assert video(out)[1].shape[0] == 20


def test_a_folder_with_other_things_is_never_overwritten(tiny: Generator, file: Path) -> None:
    out = file.parent / "frames"
    out.mkdir()
    (out / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"more than frames \(thesis.txt\)"):
        render(file, out, frames_only=True, overwrite=True, generator=tiny, progress=False)
    assert (out / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "message"), [("out.avi", "does not end in .mp4"), ("none/out.mp4", "does not exist")]
)
def test_places_that_cannot_be_written_are_refused_first(
    tiny: Generator, file: Path, name: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        render(file, file.parent / name, generator=tiny, progress=False)


NAN_PATH = {
    "chunk": 0,
    "type": "track.begin",
    "track": 1,
    "kind": "path",
    "points": [{"t": 0, "x": float("nan"), "y": 0.5}],
}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"controls": [NAN_PATH]}, r"session.json: .*controls.*"),
        ({"chunks": 0}, "nothing to render"),
        ({"chunks": -1}, "chunks"),
        ({"start": {"seed": 3}}, "a prompt is missing"),
        ({"start": {"prompt": "a cat", "width": 320}}, "makes pictures of 64x64, 64x96, not 320"),
        ({"start": {"prompt": "a cat", "fps": 30.0}}, "16 frames a second, not 30"),
        ({"start": {"prompt": "a cat", "image": "none.png"}}, "start.image.*none.png"),
        ({"flowbrush": 2}, "flowbrush"),
    ],
)
def test_broken_session_files_are_told_and_nothing_is_written(
    tiny: Generator, file: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        render(changed(file, **fields), file.parent / "out.mp4", generator=tiny, progress=False)
    assert rest(file) == []


def test_a_file_that_is_no_json_or_not_there(tiny: Generator, file: Path) -> None:
    out = file.parent / "out.mp4"
    file.write_text("{")
    with pytest.raises(ValueError, match=r"session\.json"):
        render(file, out, generator=tiny, progress=False)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        render(file, out, generator=tiny, progress=False)
    assert not out.exists()


def test_an_unknown_model_is_an_error(file: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown model 'sora'"):
        render(changed(file, model="sora"), file.parent / "out.mp4", progress=False)


def test_what_the_person_should_know_is_said(tiny: Generator, file: Path) -> None:
    late = {"chunk": 9, "type": "prompt.set", "prompts": [{"text": "a dog"}]}
    changed(file, start={"prompt": "a zorble", "tracts": []}, controls=[late])
    notices = render(file, file.parent / "out.mp4", generator=tiny, progress=False).notices
    assert any("'zorble'" in notice for notice in notices)
    assert any("chunk 5 or later" in notice for notice in notices)
    assert "unknown fields have no effect: start.tracts" in notices


@pytest.mark.parametrize(("unknown", "more"), [(8, ""), (11, " and 3 more")])
def test_of_unknown_fields_eight_are_named(tiny: Generator, file: Path, unknown: int, more: str) -> None:
    """More would be a paragraph in which nobody finds the slip, and fewer hide one of the few that a person makes."""
    fields = {f"x{n:02}": 1 for n in range(unknown)}
    changed(file, start={"prompt": "a cat", **fields})
    notices = render(file, file.parent / "out.mp4", generator=tiny, progress=False).notices
    named = ", ".join(f"start.x{n:02}" for n in range(8))
    assert f"unknown fields have no effect: {named}{more}" in notices


FOLLOWED = {"codec": "jpeg", "width": 64, "height": 64, "fps": 16, "strength": 0.3}


@pytest.mark.parametrize(
    ("start", "given", "counts"),
    [(SESSION["start"], None, 0.6), ({**SESSION["start"], "source": FOLLOWED}, None, 0.3),
     ({**SESSION["start"], "source": FOLLOWED}, 0.9, 0.9)],
    ids=["by itself", "the session's", "what is asked for"],
)  # fmt: skip
def test_a_video_is_followed_as_closely_as_was_said(
    tiny: Generator, file: Path, start: dict[str, Any], given: float | None, counts: float
) -> None:
    clip, folder = file.parent / "clip.mp4", file.parent
    render(file, clip, generator=tiny, progress=False)

    def made(name: str, fields: dict[str, Any], strength: float | None) -> np.ndarray:
        session = changed(file, start=fields, chunks=2)
        render(
            session,
            folder / name,
            frames_only=True,
            generator=tiny,
            progress=False,
            source=clip,
            strength=strength,
        )
        return pngs(folder / name)

    shown = made("shown", start, given)
    assert np.array_equal(shown, made("same", SESSION["start"], counts))
    assert not np.array_equal(shown, made("closer", SESSION["start"], counts + 0.05))


def test_a_session_that_followed_a_video_says_that_it_is_needed(tiny: Generator, file: Path) -> None:
    changed(file, start={**SESSION["start"], "source": FOLLOWED})
    with pytest.raises(
        ValueError, match="followed a video, which its file does not hold: name it with --source"
    ):
        render(file, file.parent / "out.mp4", generator=tiny, progress=False)
    assert rest(file) == []


def test_progress_goes_to_stderr(tiny: Generator, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(file, file.parent / "out.mp4", generator=tiny)
    shown = capsys.readouterr()
    assert "out.mp4" in shown.err and "20/20" in shown.err and shown.out == ""


def test_a_session_of_other_weights_is_rendered_with_a_word_on_it(file: Path, tmp_path: Path) -> None:
    changed(file, weights="sha256:" + "0" * 64, chunks=1)
    made = render(file, tmp_path / "out.mp4", progress=False)
    assert any("other weights" in notice for notice in made.notices)


def test_the_video_that_is_followed_is_not_written_over(tiny: Generator, file: Path) -> None:
    clip = file.parent / "clip.mp4"
    clip.write_bytes(b"a person's video")
    with pytest.raises(ValueError, match="is what is read"):
        render(file, clip, source=clip, overwrite=True, generator=tiny, progress=False)
    assert clip.read_bytes() == b"a person's video"
