"""Packages of photos, small and made here, as Debian's tools would unpack them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2018 The packagers
License: GPL-3+

Files: 16.04/meadow.jpg
       16.04/hill.jpg
Copyright: 2018 A. Painter
License: CC-BY-4.0
Comment: seen at https://pictures.example/meadow

Files: 16.04/lake.jpg
Copyright: B. Painter
License: CC-BY-SA-4.0
"""


def photo(seed: int, size: tuple[int, int] = (480, 320), mode: str = "RGB") -> Image.Image:
    """A picture of many shades."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (24, 36, len(mode)), dtype=np.uint8)
    picture = Image.fromarray(small, mode).resize(size, Image.Resampling.BICUBIC)
    if mode == "RGBA":
        opacity = Image.new("L", size)
        opacity.paste(255, (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4))
        picture.putalpha(opacity)
    return picture


def encoded(picture: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def wallpapers(folder: Path, name: str = "lomiri-wallpapers-16.04", copyright: str = COPYRIGHT) -> Path:
    """A package with three photos and a plain picture, unpacked under `folder`."""
    root = folder / "unpacked" / name
    written(root, name, copyright)
    pictures = root / "usr/share/backgrounds"
    pictures.mkdir(parents=True)
    for seed, title in enumerate(("meadow", "hill", "lake", "other")):
        photo(seed, (1600, 900)).save(pictures / f"{title}.jpg")
    Image.new("RGB", (640, 480), "white").save(pictures / "white.jpg")
    return root


def written(root: Path, name: str, copyright: str) -> None:
    place = root / "usr/share/doc" / name
    place.mkdir(parents=True)
    (place / "copyright").write_text(copyright)


def collection(files: dict[str, bytes], version: int = 2) -> bytes:
    """A Qt resource collection of one folder, its second file packed."""
    tree, names, data = b"", b"", b""
    stamp = b"" if version < 2 else bytes(8)

    def named(text: str) -> int:
        nonlocal names
        at = len(names)
        names += struct.pack(">HI", len(text), 0) + text.encode("utf-16-be")
        return at

    tree += struct.pack(">IHII", named(""), 2, 1, 1) + stamp
    tree += struct.pack(">IHII", named("pictures"), 2, len(files), 2) + stamp
    for number, (name, content) in enumerate(files.items()):
        packed = number == 1
        stored = struct.pack(">I", len(content)) + zlib.compress(content) if packed else content
        tree += struct.pack(">IHHHI", named(name), int(packed), 0, 0, len(data)) + stamp
        data += struct.pack(">I", len(stored)) + stored
    head = 20
    places = (head, head + len(tree), head + len(tree) + len(data))
    return b"qres" + struct.pack(">4I", version, *places) + tree + data + names
