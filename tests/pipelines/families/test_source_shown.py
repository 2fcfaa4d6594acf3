"""Pictures of a video file are as players show them: upright, and on white where they are transparent."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from flowbrush.pipelines.media.point_tracking import BadTracks, follow_video, grid
from flowbrush.pipelines.media.source_file import BadVideo, at_rate, facts_of

SIZE = (96, 64)
ONE, W = 1 << 16, 1 << 30
HELD = {
    "as filmed": (ONE, 0, 0, ONE),
    "clockwise": (0, ONE, -ONE, 0),
    "on its head": (-ONE, 0, 0, -ONE),
    "anticlockwise": (0, -ONE, ONE, 0),
    "mirrored": (-ONE, 0, 0, ONE),
}
"""a, b, c, d of an MP4's display matrix (ISO 14496-12, 8.3.2.3): x' = a x + c y, y' = b x + d y."""


def corners(path: Path) -> list[str]:
    """What is bright in its first picture, at its own size: of the four corners clockwise from the top left, by their letters."""
    width, height, rate = facts_of(path)
    picture = next(iter(at_rate(path, (width, height), rate))).astype(int)
    found = [picture[y, x] for y, x in ((8, 8), (8, -8), (-8, -8), (-8, 8))]
    names = {"r": (220, 30, 30), "g": (30, 220, 30), "b": (30, 30, 220), "w": (255, 255, 255)}
    return [min(names, key=lambda name: float(np.abs(pixel - names[name]).sum())) for pixel in found]


def quarters(alpha: bool = False) -> np.ndarray:
    """Red, green, blue and white clockwise; with `alpha` what is not red is transparent."""
    width, height = SIZE
    picture = np.zeros((height, width, 4 if alpha else 3), np.uint8)
    halves = (
        (slice(0, height // 2), slice(height // 2, height)),
        (slice(0, width // 2), slice(width // 2, width)),
    )
    for (row, column), colour in {
        (0, 0): (220, 30, 30),
        (0, 1): (30, 220, 30),
        (1, 1): (30, 30, 220),
        (1, 0): (255,) * 3,
    }.items():
        picture[halves[0][row], halves[1][column], :3] = colour
    if alpha:
        picture[halves[0][0], halves[1][0], 3] = 255
    return picture


def written(path: Path, codec: str, pixels: str, alpha: bool = False, frames: int = 4) -> Path:
    with av.open(path, "w") as container:
        options = {"auto-alt-ref": "0"} if codec == "libvpx" else {}  # which it cannot do with opacity
        stream = container.add_stream(codec, rate=Fraction(16), options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixels
        for _ in range(frames):
            frame = av.VideoFrame.from_ndarray(quarters(alpha), "rgba" if alpha else "rgb24")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode())
    return path


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """An MP4 with a display matrix in place of its own."""
    data = bytearray(path.read_bytes())
    a, b, c, d = matrix
    at = (
        data.index(b"tkhd") + 4 + 4 + 20 + 16
    )  # version and flags; times, track and duration; layer, group and volume
    assert data[at : at + 36] == struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, W)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, W)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("held", "seen"),
    [
        ("as filmed", "rgbw"), ("clockwise", "wrgb"), ("on its head", "bwrg"), ("anticlockwise", "gbwr"), ("mirrored", "grwb"),
    ],
)  # fmt: skip
def test_a_video_is_shown_the_way_up_that_its_file_says(tmp_path: Path, held: str, seen: str) -> None:
    path = turned(written(tmp_path / "phone.mp4", "libx264", "yuv420p"), HELD[held])
    assert "".join(corners(path)) == seen
    assert facts_of(path)[:2] == (SIZE[::-1] if "clockwise" in held else SIZE)


def test_points_of_a_phone_s_video_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    """A thing that goes right in the picture as it was filmed goes down in the picture as it is shown."""
    path = tmp_path / "phone.mp4"
    texture = np.random.default_rng(1).integers(0, 255, (16, 60, 3), np.uint8)
    large = np.asarray(Image.fromarray(texture).resize((480, 128), Image.Resampling.BICUBIC))
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(16))
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        for index in range(8):
            part = np.ascontiguousarray(large[:, 200 - 4 * index : 392 - 4 * index])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part, "rgb24")))
        container.mux(stream.encode())
    tracks = follow_video(turned(path, HELD["clockwise"]), grid(3, 3))
    x, y = np.median(tracks.xy[-1] - tracks.xy[0], 0)
    assert y == pytest.approx(28 / 192, abs=0.01) and abs(x) < 0.01


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.webm", "libvpx-vp9", "yuva420p"), ("b.webm", "libvpx", "yuva420p"), ("a.mkv", "ffv1", "yuva444p"),
        ("a.apng", "apng", "rgba"),
    ],
)  # fmt: skip
def test_what_is_transparent_is_on_white(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = written(tmp_path / name, codec, pixels, alpha=True)
    assert corners(path) == ["r", "w", "w", "w"]
    assert len(list(at_rate(path, SIZE, 16.0))) == 4


@pytest.mark.parametrize(
    ("pixels", "codec"), [("yuv420p10le", "libx264"), ("yuv444p", "ffv1"), ("gray", "ffv1")]
)
def test_other_depths_and_layouts_are_read(tmp_path: Path, pixels: str, codec: str) -> None:
    assert facts_of(written(tmp_path / "a.mkv", codec, pixels))[:2] == SIZE
    assert len(list(at_rate(tmp_path / "a.mkv", (32, 32), 16.0))) == 4


def test_a_picture_that_is_no_video_is_one_of_one_picture(tmp_path: Path) -> None:
    Image.fromarray(quarters()).save(tmp_path / "a.png")
    assert len(list(at_rate(tmp_path / "a.png", SIZE, 16.0))) == 1 and corners(tmp_path / "a.png") == list(
        "rgbw"
    )


def test_an_animated_webp_which_the_decoder_does_not_know_says_what_to_do(tmp_path: Path) -> None:
    """Its pictures have no size: there had been a division by it."""
    out = io.BytesIO()
    pictures = [Image.fromarray(quarters()), Image.fromarray(quarters()[::-1])]
    pictures[0].save(out, "WEBP", save_all=True, append_images=pictures[1:], duration=60)
    path = tmp_path / "a.webp"
    path.write_bytes(out.getvalue())
    with pytest.raises(BadVideo, match="pictures in webp cannot be read here: make an MP4 of them first"):
        list(at_rate(path, SIZE, 16.0))
    with pytest.raises(BadTracks, match="make an MP4 of them first"):
        follow_video(path, grid(3, 3))
