"""Frames to files: sizes, colours, names."""

from __future__ import annotations

import random
from pathlib import Path

import av
import numpy as np
import pytest

from flowbrush.pipelines.media.video_file import check_target, encoder, frame_folder, video_file


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((32, 48, 3), colour, np.uint8)


@pytest.mark.parametrize(
    "colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (120, 60, 200)]
)
def test_colours_survive_and_are_labelled(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    with video_file(tmp_path / "a.mp4", 48, 32, 16.0) as writer:
        for _ in range(3):
            writer.write(flat(colour))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 3
    assert (frames[0].colorspace, frames[0].color_range) == (1, 1), "BT.709, limited"
    assert np.abs(frames[1].to_ndarray(format="rgb24").astype(int) - colour).max() <= 6


def test_an_odd_rate_is_kept(tmp_path: Path) -> None:
    with video_file(tmp_path / "a.mp4", 48, 32, 30000 / 1001) as writer:
        writer.write(flat((9, 9, 9)))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert float(container.streams.video[0].average_rate or 0) == pytest.approx(30000 / 1001)


def test_odd_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even sizes"), video_file(tmp_path / "a.mp4", 47, 32, 16.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_frames_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    for count in (5, 2):
        with frame_folder(tmp_path / "frames") as writer:
            for _ in range(count):
                writer.write(flat((1, 2, 3)))
    assert sorted(p.name for p in (tmp_path / "frames").iterdir()) == ["frame_000000.png", "frame_000001.png"]
    assert [p.name for p in tmp_path.iterdir()] == ["frames"]


def test_a_file_is_not_taken_for_a_folder_nor_the_other_way(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "b").write_text("x")
    with pytest.raises(ValueError, match="is a folder"):
        check_target(tmp_path / "a.mp4", frames_only=False, overwrite=True)
    with pytest.raises(ValueError, match="is a file"):
        check_target(tmp_path / "b", frames_only=True, overwrite=True)


def test_the_same_frames_make_the_same_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    for name in ("one.mp4", "two.mp4"):
        with video_file(tmp_path / name, 96, 64, 16) as writer:
            for frame in range(48):
                writer.write(np.roll(noise, 3 * frame, 1))
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def moving(count: int) -> list[np.ndarray]:
    """A disc that runs through a soft scene."""
    y, x = np.mgrid[:192, :320]
    scene = np.stack(
        [90 + 60 * np.sin(x / 37), 120 + 50 * np.cos(y / 29), 100 + 40 * np.sin((x + y) / 23)], 2
    )
    pictures = []
    for frame in range(count):
        picture = scene + 6 * np.sin(frame / 5)
        picture[(x - 40 - 6 * frame) ** 2 + (y - 96 - 30 * np.sin(frame / 4)) ** 2 < 900] = (230, 140, 40)
        pictures.append(picture.clip(0, 255).astype(np.uint8))
    return pictures


def test_the_same_frames_make_the_same_file_whatever_memory_held_before(tmp_path: Path) -> None:
    pictures, chance, files = moving(32), random.Random(1), set()
    for name in map(str, range(6)):
        left = [chance.randbytes(chance.choice([600, 4096, 20_000, 100_000])) for _ in range(1500)]
        chance.shuffle(left)
        del left
        with video_file(tmp_path / name, 320, 192, 16) as writer:
            for picture in pictures:
                writer.write(picture)
        files.add((tmp_path / name).read_bytes())
    assert len(files) == 1


def test_only_x86_is_told_which_of_its_instructions_to_use() -> None:
    assert "asm=sse4.2" in encoder("x86_64").values()
    assert encoder("arm64") == encoder("aarch64") == {"crf": "17", "preset": "medium"}
