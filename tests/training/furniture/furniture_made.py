"""A package of meshes, small and made here, as Debian's tools would unpack it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from flowbrush.training.furniture.catalogue import ARCHIVES, LIST, PACKAGE

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: Free/*
Copyright: 2018 The sculptors
License: CC-BY-3.0-USA

Files: Shared/*
Copyright: 2018 Somebody
License: CC-BY-SA-4.0
"""
# a box from 0 to 1: its roof is blue, its other sides are red
BOX = """mtllib box.mtl
v 0 0 0
v 1 0 0
v 1 0 1
v 0 0 1
v 0 1 0
v 1 1 0
v 1 1 1
v 0 1 1
usemtl roof
f 5 8 7 6
usemtl walls
f 1 2 3 4
f 1 5 6 2
f 2 6 7 3
f 3 7 8 4
f 4 8 5 1
"""
COLOURS = "newmtl roof\nKd 0 0 0.9\n\nnewmtl walls\nKd 0.9 0 0\nd {opacity}\n"
CATALOGUE = """model#1=/things/box/box.obj
width#1=20
depth#1=30
height#1=40
creator#1=B. Sculptor
"""


def box(folder: Path, opacity: float = 1.0) -> Path:
    """The box's file in `folder`."""
    (folder / "box.obj").write_text(BOX)
    (folder / "box.mtl").write_text(COLOURS.format(opacity=opacity))
    return folder / "box.obj"


def furniture(photos: Path) -> Path:
    """The package's root under `photos`: one box that may be learned from, one that may not."""
    root = photos / "unpacked" / PACKAGE
    (root / ARCHIVES).mkdir(parents=True)
    for name in ("Free", "Shared"):
        with zipfile.ZipFile(root / ARCHIVES / f"{name}.sh3f", "w") as archive:
            archive.writestr(LIST, CATALOGUE)
            archive.writestr("things/box/box.obj", BOX)
            archive.writestr("things/box/box.mtl", COLOURS.format(opacity=1))
            archive.writestr(
                "things/box/BLENDSWAP_LICENSE.txt", "Downloaded from http://meshes.example/box\n\nThanks\n"
            )
    place = root / "usr/share/doc" / PACKAGE
    place.mkdir(parents=True)
    (place / "copyright").write_text(COPYRIGHT)
    return root
