"""Reading pictures: the one way from an encoded file to RGB, for uploads, session files and renders. Free of torch.

Whatever a file holds (opacity, CMYK, 16 bits, a colour profile, a rotation in its EXIF), everybody sees the same pixels.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from flowbrush.pipelines.media.files import read_at_most
from flowbrush.pipelines.requests import Frames

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
GROUND = (255, 255, 255)
"""What shows through where a picture is transparent: white, as in the viewers and shops that cut-outs are made for."""

MAX_FILE_BYTES = 256 << 20
MAX_PIXELS = 40_000_000
MAX_SIDE = 2048
"""Longer pictures are made smaller while they are read; no model looks at more."""

_TILE = 1024
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPicture(ValueError):
    """The file is no picture that is taken; the text says why."""


def read_picture(source: bytes | Path, max_pixels: float = MAX_PIXELS) -> Frames:
    """RGB uint8 [H, W, 3], upright, no side longer than MAX_SIDE; of an animation the first picture.

    Takes about 4 bytes for each pixel of the file while it reads, 12 of a WebP. Raises BadPicture, and OSError where a path
    cannot be read.
    """
    data = source if isinstance(source, bytes) else read_at_most(source, MAX_FILE_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; the limit here is stricter
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > max_pixels:
                    raise _too_large(f"{image.width}×{image.height}", max_pixels)
                return np.asarray(_upright(_reduced(image), image))
    except BadPicture:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, by what the file's head says
        raise _too_large(next(iter(re.findall(r"\d+", str(error))), "too many"), max_pixels) from None
    except UnidentifiedImageError:
        raise BadPicture(f"this is not an image that can be read: expected {', '.join(FORMATS)}") from None
    except MemoryError:
        raise
    except Exception as error:  # decoders raise many kinds of errors on broken files
        raise BadPicture(f"the image is broken: {error}") from None


def _too_large(pixels: str, most: float) -> BadPicture:
    return BadPicture(
        f"the image is too large: it has {pixels} pixels, and at most {most / 1e6:g} megapixels are taken"
    )


def _reduced(image: Image.Image) -> Image.Image:
    """The picture in sRGB with no side longer than MAX_SIDE. Works in tiles: a whole copy of each step would be large."""
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough
    image.load()
    to_srgb = _profile_of(image)
    factor = max(1, max(image.size) // MAX_SIDE)
    step = max(1, _TILE // factor) * factor
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top, left in product(range(0, image.height, step), range(0, image.width, step)):
        box = (left, top, min(image.width, left + step), min(image.height, top + step))
        tile = _flat(image.crop(box), to_srgb)
        small.paste(tile.reduce(factor) if factor > 1 else tile, (left // factor, top // factor))
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return small


def _flat(image: Image.Image, to_srgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Any mode as RGB, what is transparent on GROUND."""
    if image.mode.startswith("I"):  # 16 bits of grey: Pillow's own conversion clips at 255
        return Image.fromarray(
            (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        ).convert("RGB")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (*GROUND, 255))
        return Image.alpha_composite(ground, _recoloured(seen, to_srgb)).convert("RGB")
    return to_srgb(image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")).convert("RGB")


def _recoloured(image: Image.Image, to_srgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    colours = to_srgb(image.convert("RGB")).convert("RGB")
    colours.putalpha(image.getchannel("A"))
    return colours


def _profile_of(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """What brings the file's colours to sRGB, by its embedded profile; one that does not fit is passed over."""
    embedded = image.info.get("icc_profile")
    mode = image.mode if image.mode in ("RGB", "CMYK", "L") else "RGB"
    if not embedded:
        return _unchanged
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return _unchanged

    def applied(tile: Image.Image) -> Image.Image:
        return transform.apply(tile) if tile.mode == mode else tile

    return applied


def _unchanged(tile: Image.Image) -> Image.Image:
    return tile


def _upright(picture: Image.Image, original: Image.Image) -> Image.Image:
    """Turned as the original's EXIF says; EXIF that cannot be read says nothing."""
    try:
        turn = _TURNS.get(original.getexif().get(_ORIENTATION, 1))
    except Exception:  # made by cameras and editors: whatever is wrong with it, the picture is there
        return picture
    return picture if turn is None else picture.transpose(turn)
