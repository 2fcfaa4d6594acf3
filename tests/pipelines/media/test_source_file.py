"""A video file as a source: its own time becomes the model's, and a file that is no whole video says so."""

from fractions import Fraction

import av
import numpy as np
import pytest

from flowbrush.pipelines.media.source_file import BadVideo, at_rate, clips


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


def numbered(path, codec, fps, frames=24, times_ms=None):
    """A video in whose pictures eight bars tell their number, as codecs blur grey levels; at a rate, or at times."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb8" if codec == "gif" else "yuv420p"
        if times_ms:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(frames):
            bars = [230 if index >> bit & 1 else 25 for bit in range(8)]
            pixels = np.broadcast_to(np.repeat(np.array(bars, np.uint8), 8)[None, :, None], (64, 64, 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            if times_ms:
                frame.pts, frame.time_base = times_ms[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbers(path, fps):
    """The numbers of the pictures that are seen at `fps`."""
    bars = [picture[:, 4::8].mean((0, 2)) > 127 for picture in at_rate(path, (64, 64), fps)]
    return [sum(int(bit) << place for place, bit in enumerate(each)) for each in bars]


@pytest.mark.parametrize("fps", ["16", "24000/1001", "25", "30", "60"])
@pytest.mark.parametrize(
    "file",
    ["a.mp4 libx264", "a.mkv libx264", "a.webm libvpx", "a.ts libx264", "a.avi libx264", "a.h264 libx264"],
)
def test_at_a_file_s_own_rate_each_picture_is_seen_once(tmp_path, file, fps):
    name, codec = file.split()
    assert numbers(numbered(tmp_path / name, codec, fps), Fraction(fps)) == list(range(24))


@pytest.mark.parametrize("fps", [16, 25, 30])
def test_a_gif_whose_times_are_hundredths_of_seconds_is_even(tmp_path, fps):
    assert numbers(numbered(tmp_path / "a.gif", "gif", fps), fps) == list(range(24))


def test_a_phone_s_times_are_uneven_and_its_pictures_seen_once(tmp_path):
    times = [1000 * index // 30 + (0, 3, -2, 1)[index % 4] for index in range(24)]
    assert numbers(numbered(tmp_path / "a.mp4", "libx264", 1000, times_ms=times), 30) == list(range(24))


def test_at_another_rate_matroska_shows_what_mp4_shows(tmp_path):
    for fps in ("12.5", "24", "30", "60", "120"):
        mp4, mkv = (numbers(numbered(tmp_path / name, "libx264", fps), 16) for name in ("a.mp4", "a.mkv"))
        assert mkv == mp4 and mp4[0] == 0, fps


def test_a_file_that_is_cut_short_or_no_video_says_so(tmp_path):
    whole = video(tmp_path / "a.mp4", frames=60).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.mp4").write_bytes(b"nothing")
    for name, why in (("cut.mp4", "cut short"), ("b.mp4", "cannot be read"), ("c.mp4", "no such file")):
        with pytest.raises(BadVideo, match=why):
            list(clips(tmp_path / name, (32, 32), 15.0, 4, 0.5))


def test_pictures_that_are_too_large_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("flowbrush.pipelines.media.source_file.MAX_PIXELS", 1000)
    with pytest.raises(BadVideo, match="64×48 pixels"):
        next(clips(video(tmp_path / "a.mp4", frames=2), (32, 32), 15.0, 4, 0.5))
