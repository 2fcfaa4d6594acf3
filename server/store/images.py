"""Start images: uploads are read once and kept as RGB files, each under an id and for the key that sent it."""

from __future__ import annotations

import base64
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from weakref import WeakValueDictionary

from PIL import Image

from flowbrush.pipelines.media.picture import BadPicture as BadImage
from flowbrush.pipelines.media.picture import read_picture
from flowbrush.pipelines.requests import Frames
from flowbrush.server.children import deaf_to_the_group
from flowbrush.server.store import keep_image
from flowbrush.server.store.store import size_of

log = logging.getLogger(__name__)

__all__ = ["BadImage", "ImageStore", "data_url", "keep", "load", "shape_of", "share", "take_over"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
READ_S = 60.0


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
        folder = self._of(owner)
        folder.mkdir(parents=True, exist_ok=True)
        id = secrets.token_urlsafe(12)
        part = folder / f"{id}.part"
        try:
            self._keep(data, part)
            os.replace(part, folder / f"{id}.png")
        finally:
            part.unlink(missing_ok=True)
        return id

    def _keep(self, data: bytes, target: Path) -> None:
        command = [sys.executable, "-m", f"{__package__}.keep_image", str(target), str(self._max_pixels)]
        try:
            with deaf_to_the_group():
                done = subprocess.run(command, input=data, capture_output=True, timeout=READ_S)
        except subprocess.TimeoutExpired:
            raise BadImage(f"the image takes more than {READ_S:g} s to read") from None
        said = (done.stdout or done.stderr).decode(errors="replace")
        if done.returncode == keep_image.BAD:
            raise BadImage(said)
        if done.returncode == keep_image.NOT_KEPT:
            raise OSError(said)
        if done.returncode != 0:  # its memory was used up, or its decoder crashed
            log.warning("an upload was not read, exit code %s: %s", done.returncode, said[-300:])
            raise BadImage("the image cannot be read: it takes too much memory, or is broken")

    def path(self, id: str, owner: str = "") -> Path | None:
        """Where the image lies; None when this owner has none with this id."""
        path = self._of(owner) / f"{id}.png"
        return path if _ID.fullmatch(id) and path.is_file() else None

    def find(self, id: str, owner: str = "") -> tuple[Path, tuple[int, int]] | None:
        """Where the image lies, and its width and height in pixels; None when this owner has none with this id. Raises OSError."""
        path = self.path(id, owner)
        return None if path is None else (path, shape_of(path))

    def kept(self, owner: str) -> tuple[int, int]:
        """How many images this owner has, and their bytes."""
        sizes = [size_of(path) for path in self._of(owner).glob("*.png")]
        return len(sizes), sum(sizes)

    def files(self) -> list[Path]:
        """All images, and what was left half written."""
        return [*self._folder.rglob("*.png"), *self._folder.rglob("*.part")]

    def _of(self, owner: str) -> Path:
        if owner and not _ID.fullmatch(owner):
            raise ValueError(f"not the name of a key: {owner!r}")
        return self._folder / "of" / owner if owner else self._folder


def shape_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels of an image of the store."""
    with Image.open(path) as image:
        return image.size


_loaded: WeakValueDictionary[tuple[int, int, int, int], Frames] = WeakValueDictionary()
"""by device, inode, time and size: files are written once and then only linked"""


def load(path: Path) -> Frames:
    """RGB uint8 [H, W, 3] of an image of the store, read-only. Those who hold the same file hold the same memory. Raises
    BadImage and OSError.
    """
    status = path.stat()
    file = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    picture = _loaded.get(file)
    if picture is None:
        picture = read_picture(path)
        picture.setflags(write=False)
        _loaded[file] = picture
    return picture


def share(image: Path, target: Path) -> None:
    """Gives a session an image of another one, or an upload: the same file where the file system can do that. Raises OSError."""
    try:
        os.link(image, target)
    except OSError:
        shutil.copyfile(image, target)


def take_over(image: Path, target: Path) -> Frames:
    """Shares an image with a session and reads it. Raises BadImage and OSError."""
    share(image, target)
    return load(target)


def keep(picture: Frames, target: Path) -> None:
    """Writes a picture, RGB uint8 [H, W, 3], as a PNG, whole or not at all. Raises OSError."""
    part = target.with_name(f"{target.name}.part")
    try:
        Image.fromarray(picture).save(part, "PNG", compress_level=keep_image.COMPRESSION)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def data_url(path: Path) -> str:
    """The file as a `data:` URL, as a session file carries it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
