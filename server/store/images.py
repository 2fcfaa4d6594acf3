"""Start images: uploads are checked, decoded once and kept as RGB files under an id."""

from __future__ import annotations

import base64
import io
import re
import secrets
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipelines.requests import Frames

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_SIDE = 2048
"""Larger images are made smaller; no model looks at more."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadImage(ValueError):
    """The upload is not an image that is taken; the text says why."""


def decode(data: bytes, max_pixels: float) -> Image.Image:
    """The image, upright and RGB; raises BadImage."""
    try:
        image: Image.Image
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images; the limit below is stricter
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > max_pixels:
                raise BadImage(
                    f"the image has {image.width}×{image.height} pixels: "
                    f"at most {max_pixels / 1e6:g} megapixels are taken"
                )
            image = ImageOps.exif_transpose(image).convert("RGB")
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage(f"this is not an image that can be read: expected {', '.join(FORMATS)}") from None
    except Exception as error:  # decoders raise many kinds of errors on broken files
        raise BadImage(f"the image is broken: {error}") from None
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return image


class ImageStore:
    """Images in a folder. All functions block."""

    def __init__(self, folder: Path, max_bytes: int, max_pixels: float) -> None:
        self._folder = folder
        self.max_bytes = max_bytes
        self._max_pixels = max_pixels

    def add(self, data: bytes) -> str:
        """Keeps an upload; returns its id. Raises BadImage."""
        if len(data) > self.max_bytes:
            raise BadImage(f"the file has {len(data)} bytes: at most {self.max_bytes} are taken")
        image = decode(data, self._max_pixels)
        self._folder.mkdir(parents=True, exist_ok=True)
        id = secrets.token_urlsafe(12)
        image.save(self._folder / f"{id}.png")
        return id

    def path(self, id: str) -> Path | None:
        """Where the image lies; None when there is none with this id."""
        path = self._folder / f"{id}.png"
        return path if _ID.fullmatch(id) and path.is_file() else None

    def clean(self, older_than: float) -> None:
        """Removes images that were uploaded before `older_than` (seconds since 1970)."""
        for path in self._folder.glob("*.png"):
            if path.stat().st_mtime < older_than:
                path.unlink(missing_ok=True)


def load(path: Path) -> Frames:
    """RGB uint8 [H, W, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def data_url(path: Path) -> str:
    """The file as a `data:` URL, as a session file carries it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
