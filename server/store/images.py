"""Start images: uploads are read once and kept as RGB files, each under an id and for the key that sent it."""

from __future__ import annotations

import base64
import os
import re
import secrets
from pathlib import Path

from PIL import Image

from pipelines.picture import BadPicture as BadImage
from pipelines.picture import read_picture
from pipelines.requests import Frames

__all__ = ["BadImage", "ImageStore", "data_url", "load"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMPRESSION = 3


class ImageStore:
    """Images in a folder, those of each owner in one of its own. All functions block."""

    def __init__(self, folder: Path, max_bytes: int, max_pixels: float) -> None:
        self._folder = folder
        self.max_bytes = max_bytes
        self._max_pixels = max_pixels

    def add(self, data: bytes, owner: str = "") -> str:
        """Keeps an upload, whole or not at all; returns its id. Raises BadImage and OSError."""
        if len(data) > self.max_bytes:
            raise BadImage(f"the file has {len(data)} bytes: at most {self.max_bytes} are taken")
        picture = Image.fromarray(read_picture(data, self._max_pixels))
        folder = self._of(owner)
        folder.mkdir(parents=True, exist_ok=True)
        id = secrets.token_urlsafe(12)
        part = folder / f"{id}.part"
        try:
            picture.save(part, "PNG", compress_level=_COMPRESSION)
            os.replace(part, folder / f"{id}.png")
        finally:
            part.unlink(missing_ok=True)
        return id

    def path(self, id: str, owner: str = "") -> Path | None:
        """Where the image lies; None when this owner has none with this id."""
        path = self._of(owner) / f"{id}.png"
        return path if _ID.fullmatch(id) and path.is_file() else None

    def kept(self, owner: str) -> tuple[int, int]:
        """How many images this owner has, and their bytes."""
        sizes = [_size(path) for path in self._of(owner).glob("*.png")]
        return len(sizes), sum(sizes)

    def clean(self, older_than: float) -> None:
        """Removes images that were uploaded before `older_than` (seconds since 1970), and what was left half written."""
        for path in [*self._folder.rglob("*.png"), *self._folder.rglob("*.part")]:
            try:
                if path.stat().st_mtime < older_than:
                    path.unlink()
            except FileNotFoundError:
                continue

    def _of(self, owner: str) -> Path:
        if owner and not _ID.fullmatch(owner):
            raise ValueError(f"not the name of a key: {owner!r}")
        return self._folder / "of" / owner if owner else self._folder


def load(path: Path) -> Frames:
    """RGB uint8 [H, W, 3] of an image of the store. Raises BadImage and OSError."""
    return read_picture(path)


def data_url(path: Path) -> str:
    """The file as a `data:` URL, as a session file carries it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
