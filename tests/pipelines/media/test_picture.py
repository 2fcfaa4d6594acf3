"""Reading pictures: whatever a file holds, everybody sees the same pixels."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from flowbrush.pipelines.media import picture
from flowbrush.pipelines.media.picture import GROUND, MAX_SIDE, BadPicture, read_picture


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def left_and_right(picture: np.ndarray) -> tuple[list[int], list[int]]:
    row = picture[len(picture) // 2]
    return row[0].tolist(), row[-1].tolist()


def cut_out(mode: str) -> Image.Image:
    """Left half red and opaque; right half blue in its colours and transparent: a background that was removed."""
    image = Image.new("RGBA", (16, 8), (255, 0, 0, 255))
    image.paste((0, 0, 255, 0), (8, 0, 16, 8))
    return image.convert(mode)


def test_what_was_removed_from_a_cut_out_stays_removed() -> None:
    assert left_and_right(read_picture(encoded(cut_out("RGBA")))) == ([255, 0, 0], list(GROUND))
    assert left_and_right(read_picture(encoded(cut_out("RGBA"), "WEBP", lossless=True)))[1] == list(GROUND)
    assert left_and_right(read_picture(encoded(cut_out("LA"))))[1] == list(GROUND)


def test_half_opacity_lets_half_of_the_ground_through() -> None:
    pixel = read_picture(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 128))))[0, 0]
    assert np.abs(pixel.astype(int) - np.array(GROUND) * 127 // 255).max() <= 1


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_one_colour_can_be_the_transparent_one(mode: str) -> None:
    colour: Any = (1, 2, 3) if mode == "RGB" else 1
    image = Image.new(mode, (8, 8), colour)
    if mode == "P":
        image.putpalette([9, 9, 9, 200, 0, 0])
    assert read_picture(encoded(image, transparency=colour))[0, 0].tolist() == list(GROUND)


def test_a_gif_is_its_first_picture_with_its_transparency() -> None:
    frames = [cut_out("RGBA"), Image.new("RGBA", (16, 8), (0, 255, 0, 255))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert left_and_right(read_picture(data)) == ([255, 0, 0], list(GROUND))


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    grey = Image.fromarray(np.full((4, 4), 0x8000, np.uint16))
    assert read_picture(encoded(grey))[0, 0].tolist() == [128, 128, 128]


def test_print_colours_become_screen_colours() -> None:
    cyan = read_picture(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG"))[8, 8]
    assert cyan[0] < 40 and cyan[2] > 180


def test_a_profile_that_does_not_fit_is_passed_over() -> None:
    colours = Image.new("RGB", (8, 8), (100, 150, 200))
    lab, srgb = (ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes() for kind in ("LAB", "sRGB"))
    for profile in (b"no profile at all", lab, srgb):
        seen = read_picture(encoded(colours, icc_profile=profile))[0, 0]
        assert np.abs(seen.astype(int) - [100, 150, 200]).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int) -> None:
    upright = Image.new("RGB", (24, 16), "white")
    upright.paste((255, 0, 0), (0, 0, 12, 8))
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if back is None else upright.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = read_picture(encoded(stored, exif=exif.tobytes()))
    assert seen.shape == (16, 24, 3)
    assert seen[2, 2].tolist() == [255, 0, 0] and seen[2, 20].tolist() == seen[12, 2].tolist() == [
        255,
        255,
        255,
    ]


def test_broken_exif_says_nothing() -> None:
    data = encoded(Image.new("RGB", (30, 10)), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_picture(data).shape == (10, 30, 3)


def test_large_pictures_come_smaller_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_SIDE", 64)
    image = Image.new("RGBA", (640, 1100), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 1000, 640, 1100))
    seen = read_picture(encoded(image))
    assert max(seen.shape) <= 64 and abs(seen.shape[0] / seen.shape[1] - 1100 / 640) < 0.1
    assert seen[0, 0].tolist() == [255, 0, 0] and seen[-1, -1].tolist() == list(GROUND)
    assert read_picture(encoded(image.convert("RGB"), "JPEG")).shape == seen.shape


def test_a_path_and_its_bytes_give_the_same(tmp_path: Any) -> None:
    data = encoded(cut_out("RGBA"))
    (tmp_path / "a.png").write_bytes(data)
    assert np.array_equal(read_picture(data), read_picture(tmp_path / "a.png"))
    with pytest.raises(OSError, match="nothing"):
        read_picture(tmp_path / "nothing.png")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "expected PNG"),
        (b"no image", "expected PNG"),
        (encoded(Image.effect_noise((64, 64), 50))[:900], "broken"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "read|broken"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadPicture, match=why):
        read_picture(data)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(BadPicture, match=r"100×100 pixels, and at most 0.005 megapixels"):
        read_picture(encoded(Image.new("RGB", (100, 100))), max_pixels=5000)


def test_a_bomb_is_too_large_and_not_broken() -> None:
    """A file of 45 bytes that says it has more pixels than Pillow would open."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 60_000, 50_000, 8, 2, 0, 0, 0), b"IDAT")
    framed = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(framed)
    with pytest.raises(BadPicture, match="too large: it has 3000000000 pixels, and at most 40 megapixels"):
        read_picture(bomb)


def test_the_longest_side_suits_every_model_and_nothing_is_kept_that_none_looks_at() -> None:
    from flowbrush.models.cards.registry import CARDS

    largest = max(max(card.width, card.height) for card in CARDS.values())
    assert largest <= MAX_SIDE < 2 * largest
