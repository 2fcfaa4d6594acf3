"""What the benchmarks of video in and of motion transfer count."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from flowbrush.benchmarks.motion import at_times, of_video, score, spread
from flowbrush.benchmarks.source import Seen
from flowbrush.pipelines.media.tracks_io import BadTracks, Tracks
from flowbrush.protocol import ChunkDone


def tracks(xy: list[list[tuple[float, float]]], visible: list[list[bool]], fps: float = 8.0) -> Tracks:
    return Tracks(np.array(xy), np.array(visible), fps)


def test_points_are_scored_where_they_are_asked_for_and_found() -> None:
    asked = tracks([[(0.5, 0.5)] * 4, [(0.6, 0.5), (0.6, 0.5), (0.5, 0.5), (0.7, 0.5)]], [[True] * 4] * 2)
    found = tracks(
        [[(0.5, 0.5)] * 4, [(0.61, 0.5), (0.6, 0.53), (0.5, 0.5), (0.7, 0.5)]],
        [[True] * 4, [True, True, True, False]],
    )
    every, moving = (score(asked, found, 1, 0.5, each) for each in (False, True))
    assert (every.points, moving.points) == (4, 3)
    assert every.off == pytest.approx(100 * (0.01 + 0.015 + 0) / 3) and moving.off == pytest.approx(1.25)
    assert every.followed == 3 / 4 and moving.followed == pytest.approx(2 / 3), "one was not found again"
    blind = tracks([[(0.5, 0.5)] * 4] * 2, [[False] * 4] * 2)
    assert score(asked, blind, 1, 0.5, False).followed == 0


def test_tracks_are_shown_at_the_stream_s_rate() -> None:
    asked = tracks([[(0.0, 0.0)], [(0.2, 0.1)], [(0.4, 0.1)]], [[True], [True], [False]])
    shown = at_times(asked, 16.0, 5)
    assert shown.xy[:, 0] == pytest.approx(
        np.array([(0, 0), (0.1, 0.05), (0.2, 0.1), (0.3, 0.1), (0.4, 0.1)])
    )
    assert shown.visible[:, 0].tolist() == [True, True, True, False, False]


def test_points_are_spread() -> None:
    points = np.array([(0.1, 0.1), (0.12, 0.1), (0.5, 0.5), (0.9, 0.9), (0.9, 0.1)], np.float32)
    assert spread(points, np.array([0, 1, 3, 4]), 3) in ([0, 3, 4], [4, 0, 3], [1, 3, 4], [3, 0, 4])
    assert spread(points, np.array([1]), 3) == [1] and spread(points, np.array([], int), 3) == []


def panned(seed: int, frames: int) -> list[np.ndarray]:
    """Soft blotches that go to the left by three pixels a frame."""
    noise = np.random.default_rng(seed).integers(0, 255, (16, 64, 3), np.uint8)
    large = np.asarray(Image.fromarray(noise).resize((640, 160), Image.Resampling.BICUBIC))
    return [np.ascontiguousarray(large[:, 3 * at : 3 * at + 256]) for at in range(frames)]


def clip(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 256, 160, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


def test_a_cut_is_named_with_what_to_ask_for_instead(tmp_path: Path) -> None:
    size = (256, 160)
    cut = clip(tmp_path / "cut.mp4", panned(0, 12) + panned(1, 12))
    with pytest.raises(BadTracks, match=r"a cut 1\.2 s after second 0, .* try --seconds 1\.1$"):
        of_video(cut, size, 0.0, 2.0, 3)
    assert of_video(cut, size, 0.0, 1.1, 3).visible[-1].all()
    with pytest.raises(BadTracks, match=r"a cut 0\.1 s after second 1\.1, .* try --begin 1\.2$"):
        of_video(cut, size, 1.1, 1.0, 3)
    assert of_video(cut, size, 1.2, 1.0, 3).visible[-1].all()
    still = clip(tmp_path / "still.mp4", panned(0, 1) * 24)
    with pytest.raises(BadTracks, match=r"nothing moves from second 0 to 2$"):
        of_video(still, size, 0.0, 2.0, 3)


def chunk(frames: int, dropped: int | None) -> ChunkDone:
    return ChunkDone(
        chunk=0, first_frame=0, frames=frames, pts=0, generate_ms=1, decode_ms=1, encode_ms=1, queue_ms=0,
        prompt="", source_dropped=dropped,
    )  # fmt: skip


def test_what_is_neither_counted_nor_shown_is_left_over() -> None:
    seen = Seen(sent=[(0.0, False)] * 10, chunks=[chunk(4, 3), chunk(2, None)])
    assert seen.dropped == 3 and seen.over == 1


def test_a_latency_is_the_time_to_the_first_large_change() -> None:
    seen = Seen(sent=[(0.0, False), (1.0, True), (1.1, True), (2.0, False), (5.0, True)])
    seen.shown = [(0.9, 50.0), (1.2, 3.0), (1.3, 40.0), (1.4, 60.0), (5.5, 9.0)]
    assert seen.latencies() == pytest.approx([0.3, 0.5])
