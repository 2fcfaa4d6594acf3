"""A video file as a source: its own time becomes the model's, and a file that is no whole video says so."""

from fractions import Fraction

import av
import numpy as np
import pytest

from flowbrush.pipelines.source_file import BadVideo, clips


def video(path, frames=30, fps=30, size=(64, 48)):
    """Grey levels that grow by 8 a frame."""
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps), options={"crf": "1", "preset": "ultrafast"}
        )
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(frames):
            grey = np.full((size[1], size[0], 3), 8 * index % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        container.mux(stream.encode())
    return path


def test_frames_are_those_that_are_seen_at_the_model_s_rate(tmp_path):
    made = list(clips(video(tmp_path / "a.mp4"), (32, 32), 15.0, 4, 0.5))
    assert [clip.frames.shape for clip in made] == [(4, 32, 32, 3)] * 4 and made[0].strength == 0.5
    levels = np.concatenate([clip.frames for clip in made]).mean((1, 2, 3)) / 8
    assert np.abs(levels[:15] - np.arange(0, 30, 2)).max() < 0.5, levels
    assert levels[15] == pytest.approx(29, abs=0.5), "the last picture is held"


def test_a_file_that_is_cut_short_or_no_video_says_so(tmp_path):
    whole = video(tmp_path / "a.mp4", frames=60).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.mp4").write_bytes(b"nothing")
    for name, why in (("cut.mp4", "cut short"), ("b.mp4", "cannot be read"), ("c.mp4", "no such file")):
        with pytest.raises(BadVideo, match=why):
            list(clips(tmp_path / name, (32, 32), 15.0, 4, 0.5))


def test_pictures_that_are_too_large_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("flowbrush.pipelines.source_file.MAX_PIXELS", 1000)
    with pytest.raises(BadVideo, match="64×48 pixels"):
        next(clips(video(tmp_path / "a.mp4", frames=2), (32, 32), 15.0, 4, 0.5))
