"""Points followed in rendered pictures, whose true motion is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from typer.testing import CliRunner

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.media.image import fit_image
from flowbrush.pipelines.media.point_tracking import SHORTEST, follow, follow_video, grid, step
from flowbrush.pipelines.media.tracks_io import BadTracks, Tracks, paths
from flowbrush.pipelines.media.video_file import Mp4Writer
from flowbrush.pipelines.reference.drawing import through
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.requests import Frames, StreamSettings
from flowbrush.server.cli import app
from flowbrush.session_file import SessionFile

HEIGHT, WIDTH, FRAMES = 192, 256, 24
SCALE = np.array([WIDTH, HEIGHT])


def texture(seed: int, rows: int, columns: int) -> torch.Tensor:
    """Soft blotches of several sizes: [3, rows, columns] in 0..1."""
    generator = torch.Generator().manual_seed(seed)
    made = torch.zeros(1, 3, rows, columns)
    for cells in (6, 12, 24, 48):
        noise = torch.rand(1, 3, cells, cells * columns // rows, generator=generator)
        made += F.interpolate(noise, (rows, columns), mode="bicubic") / 4
    return made[0].clamp(0, 1)


def pixels(frames: torch.Tensor) -> list[Frames]:
    return list(frames.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def way(frame: int) -> Similarity:
    """A turn, growth and shift about the picture's corner, about three pixels a frame."""
    return Similarity(1 + 0.004 * frame, 0.006 * frame, 1.5 * frame, -1.0 * frame)


def moving() -> list[Frames]:
    margin = 96
    large = texture(0, HEIGHT + 2 * margin, WIDTH + 2 * margin)
    return pixels(through(large, [way(frame) for frame in range(FRAMES)], (margin, margin)))


def test_a_moving_texture_is_followed_to_a_pixel() -> None:
    points = grid(8, 5)
    found = follow(moving(), points, 16.0)
    assert found.xy.shape == (FRAMES, 40, 2) and found.fps == 16.0
    truth = np.stack([way(frame)(points * SCALE) for frame in range(FRAMES)])
    inside = ((truth >= 0) & (truth <= SCALE)).all(2)
    off = np.linalg.norm(found.xy * SCALE - truth, axis=2)[found.visible & inside]
    assert float(off.mean()) <= 0.4 and float(off.max()) <= 1.5, "of 24 pictures one after the other"
    assert (found.visible & inside).sum() / inside.sum() > 0.95
    gone = ((truth < -3) | (truth > SCALE + 3)).any(2)
    assert gone.any() and not (found.visible & gone).any(), "what has left the picture is lost"


def test_what_something_passes_over_is_lost_and_the_rest_is_not() -> None:
    """A square goes from the left to the right, before a ground that stands still."""
    ground, square = texture(1, HEIGHT, WIDTH), texture(2, 64, 64)
    frames = ground.expand(FRAMES, -1, -1, -1).clone()
    for frame in range(FRAMES):
        frames[frame, :, 64:128, 8 * frame : 8 * frame + 64] = square[:, :, : WIDTH - 8 * frame]
    points = grid(16, 4)
    found = follow(pixels(frames), points, 16.0)
    x, y = (points * SCALE).T
    passed = (y > 70) & (y < 122) & (x > 70) & (x < 180)  # the square has come and gone
    off_its_way = (y < 54) | (y > 138)
    assert passed.sum() >= 10 and (found.visible[-1] & passed).sum() <= 0.2 * passed.sum()
    assert found.visible[-1][off_its_way].all()
    assert np.abs((found.xy[-1] - points) * SCALE)[off_its_way].max() <= 0.5
    carried = (y > 70) & (y < 122) & (x > 16) & (x < 48)  # on the square when it set out, not at its rim
    went = (found.xy[10] - points)[carried] * SCALE
    assert found.visible[10][carried].all() and np.abs(went - (80, 0)).max() <= 1.0


def test_nothing_is_followed_over_a_cut() -> None:
    two = pixels(torch.stack([texture(seed, HEIGHT, WIDTH) for seed in (3, 4)]))
    found = follow([two[0], two[0], two[1], two[1]], grid(8, 5), 16.0)
    assert found.visible[1].all() and not found.visible[-1].any()
    assert np.array_equal(found.xy[1], found.xy[0]), "what stands still is carried nowhere"


def test_what_covers_half_of_the_picture_is_no_cut() -> None:
    ground, curtain = texture(3, HEIGHT, WIDTH), texture(5, HEIGHT, WIDTH)
    hidden = ground.clone()
    hidden[:, :, : WIDTH // 2] = curtain[:, :, : WIDTH // 2]
    found = follow(pixels(torch.stack([ground, ground, hidden, hidden])), grid(8, 5), 16.0)
    right = found.xy[0, :, 0] > 0.6
    assert found.visible[-1][right].all() and found.visible[-1].mean() < 0.7


def test_what_covers_three_quarters_of_it_is_a_cut() -> None:
    ground, curtain = texture(3, HEIGHT, WIDTH), texture(5, HEIGHT, WIDTH)
    hidden = torch.cat([curtain[:, :, : 3 * WIDTH // 4], ground[:, :, 3 * WIDTH // 4 :]], 2)
    found = follow(pixels(torch.stack([ground, ground, hidden])), grid(8, 5), 16.0)
    assert not found.visible[-1].any()


@pytest.mark.parametrize(
    ("went", "off", "found"), [(0.0, 0.6, True), (0.0, 0.8, False), (10.0, 1.4, True), (10.0, 1.7, False)]
)
def test_a_point_comes_back_to_where_it_was_or_is_lost(went: float, off: float, found: bool) -> None:
    """Nearer than 0.7 pixels where nothing moves, 1.6 where something goes ten pixels: a flow errs with its length."""

    class Flow:
        def calc(self, before: int, now: int, given: None) -> np.ndarray:
            there = went if (before, now) == (0, 1) else off - went
            return np.full((32, 64, 2), (there, 0.0), np.float32)

    class Picture(int):
        shape = (32, 64)

    there, kept = step(Flow(), Picture(0), Picture(1), np.array([[20.5, 16.5]], np.float32))  # type: ignore[arg-type]
    assert there[0, 0] == 20.5 + went and kept[0] == found


def test_the_motion_of_a_video_is_carried_over_to_a_photo() -> None:
    """By pocket, without looking for a thing under each of the points; what it made is followed in turn."""
    pictures, points = moving()[:9], grid(4, 3)
    asked = follow(pictures, points, 16.0)
    served = Generator.load("pocket", device="cpu", seats=1)
    size = served.card.width, served.card.height
    photo = (
        fit_image(pictures[0], *size)[0].add(1).mul(127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    )
    asked = Tracks(asked.xy, asked.visible, served.card.fps)
    settings = StreamSettings("pocket", (), *size, served.card.fps, seed=1, image=photo, tracks=paths(asked))
    state = served.start(settings)
    made = [frame for _ in range(2) for frame in served.step([state], [()])[0].frames]
    assert state.memory.layers == ()
    found = follow([photo, *made], points, 16.0)
    both = found.visible[-1] & asked.visible[-1]
    gone = np.linalg.norm((asked.xy[-1] - points) * size, axis=1)[both].mean()
    off = np.linalg.norm((found.xy[-1] - asked.xy[-1]) * size, axis=1)[both].mean()
    assert both.sum() >= 8 and off < 0.3 * gone, (off, gone)


def written(path: Path, pictures: Sequence[Frames] | None = None, fps: float = 16.0) -> Path:
    pictures = pictures if pictures is not None else moving()
    height, width = pictures[0].shape[:2]
    writer = Mp4Writer(path, width, height, fps)
    for picture in pictures:
        writer.write(picture)
    writer.close(whole=True)
    return path


def test_a_small_thing_of_a_large_video_is_followed(tmp_path: Path) -> None:
    """A twentieth of the width, and a twentieth of the width on its way."""
    columns, side, step, frames = 1280, 64, 6, 12
    video = texture(1, 128, columns).expand(frames, -1, -1, -1).clone()
    for frame in range(frames):
        at = 100 + step * frame
        video[frame, :, 32 : 32 + side, at : at + side] = texture(2, side, side)
    middle = np.array([[(100 + side / 2) / columns, 0.5]], np.float32)
    found = follow_video(written(tmp_path / "a.mp4", pixels(video), 30.0), middle)
    gone = (found.xy[-1] - middle)[0] * (columns, 128)
    assert gone == pytest.approx([step * (frames - 1), 0], abs=8)


def test_slow_motion_costs_no_more_than_a_usual_video_of_which_every_picture_counts(tmp_path: Path) -> None:
    usual, slow = (
        follow_video(written(tmp_path / f"{fps}.mp4", moving()[: fps // 5], float(fps)), grid(2, 2))
        for fps in (30, 60)
    )
    assert len(usual.xy) == 6 and len(slow.xy) <= 7


def test_the_command_writes_paths_that_a_session_file_takes(tmp_path: Path) -> None:
    out = tmp_path / "paths.json"
    asked = ["tracks", str(written(tmp_path / "a.mp4")), "--grid", "4x3", "-o", str(out)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    start = {"prompt": "a dog", "seed": 1, "tracks": json.loads(out.read_text())}
    file = json.dumps({"flowbrush": 1, "model": "pocket", "start": start, "chunks": 4})
    given = SessionFile.parse(file).message.start.tracks
    assert given is not None and len(given) == 12
    first = given[0]
    assert first.kind == "path"
    assert (first.points[0].x, first.points[0].y) == pytest.approx((1 / 8, 1 / 6))
    truth = way(8)(np.array([[WIDTH / 8, HEIGHT / 6]]))[0] / SCALE
    at = next(point for point in first.points if point.t == pytest.approx(0.5))
    assert (at.x, at.y) == pytest.approx(tuple(truth), abs=0.005)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["no.mp4", "--grid", "8x5"], "no such file"),
        (["no.mp4", "--grid", "8"], "two whole numbers"),
        (["no.mp4", "--grid", "²x5"], "two whole numbers"),
        (["no.mp4", "--grid", "0x5"], "two whole numbers"),
        (["no.mp4", "--grid", f"{'9' * 5000}x5"], "two whole numbers"),
        (["no.mp4", "--grid", "80x5"], "400 points"),
        (["no.mp4", "--grid", "4x4", "-o", "."], "is a folder: name a file"),
        (["no.mp4", "--grid", "4x4", "-o", "none/a.json"], "does not exist: make it first"),
        ([".", "--grid", "4x4"], "this is no file"),
        (["a.mp4"], "--grid"),
    ],
)
def test_what_cannot_be_followed_says_why(
    given: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"")
    done = CliRunner().invoke(app, ["tracks", *given])
    assert done.exit_code == 2 and why in done.output


def test_pictures_that_opencv_cannot_follow_are_refused(tmp_path: Path) -> None:
    """Below, its flow ends the process with a segmentation fault: of 15 × 64 and 8 × 128 pixels, say."""
    follow(np.zeros((2, SHORTEST, 128, 3), np.uint8), grid(2, 2), 16.0)
    with pytest.raises(BadTracks, match=r"pictures of 128×15 pixels are too small"):
        follow(np.zeros((2, SHORTEST - 1, 128, 3), np.uint8), grid(2, 2), 16.0)
    with pytest.raises(BadTracks, match=r"pictures of 640×0 pixels are too small"):
        follow_video(written(tmp_path / "a.mp4"), grid(2, 2), (100_000, 1))


def test_without_opencv_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(BadTracks, match=r"pip install 'flowbrush\[tracking\]'"):
        follow([], grid(2, 2), 16.0)
