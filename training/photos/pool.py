"""The photos that are learned from, and those that only judge.

What is public domain, CC0 or CC-BY is learned from; everything else judges and never enters weights or repository. Who made what is
written down next to the pictures.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from flowbrush.training.photos.licences import Copyright, Terms
from flowbrush.training.photos.packages import PHOTOS, STAMPS, MissingPackage, unpacked
from flowbrush.training.photos.rcc import read_collection

HELD_OUT, STAMP = "held_out", "stamps"  # folders next to the pictures that are learned from
ATTRIBUTION = "attribution.json"
LONGEST = 1024  # pixels of a picture's longer side
SHORTEST = 200  # pixels: smaller pictures are left out
PLAIN = 0.5  # share of the commonest colour from which on a picture is a drawing, or a product before white
BACKGROUNDS = "usr/share/backgrounds"
PREFIX = {
    "lomiri-wallpapers-16.04": "16.04/",
    "lomiri-wallpapers-20.04": "20.04/",
}  # of the paths in `copyright`
COLLECTIONS = ("categorization", "erase", "explore_monuments", "explore_world_animals")
FORM = ".webp"
# The picture in the package is not the one that its `copyright` names (an angelfish where a stingray is credited): nobody knows
# these pictures' terms. All fishes but two are so.
DOUBTFUL = ("dam3", "hammer3", "mountRushmore", "multimeter2", "scissors2", "solar3")
FISHES, KNOWN_FISHES = "images/fishes/", ("fish4", "fish25")


@dataclass(frozen=True)
class Credit:
    """A picture of the pool: its `file`, what it is called in which package, and its terms."""

    file: str
    title: str
    package: str
    author: str
    licence: str
    source: str


def build_photos(folder: Path) -> dict[str, int]:
    """Puts the photos that may be learned from into `folder`, the others into `folder`/held_out, things with their opacity into
    `folder`/stamps, and writes attribution.json. Packages that cannot be had are named on stderr and left out.

    Returns how many pictures there are: "learned", "held_out", "stamps". Raises MissingPackage if there is none to learn from; then
    what was there before stays.
    """
    roots = {}
    for package in (*PHOTOS, STAMPS):
        try:
            roots[package] = unpacked(package, folder)
        except MissingPackage as error:
            sys.stderr.write(f"photos: left out: {error}\n")
    if not any(package in roots for package in PHOTOS):
        raise MissingPackage(
            f"no photo to learn from: none of the packages {', '.join(PHOTOS)} can be had here"
        )
    _clear(folder)
    credits = [
        _keep(folder, package, title, picture, terms)
        for package, root in roots.items()
        for title, picture, terms in pictures(package, root)
    ]
    (folder / ATTRIBUTION).write_text(json.dumps([asdict(one) for one in credits], indent=1) + "\n")
    parts = [credit.file.rpartition("/")[0] or "learned" for credit in credits]
    return {part: parts.count(part) for part in ("learned", HELD_OUT, STAMP)}


def pictures(package: str, root: Path) -> Iterator[tuple[str, Image.Image, Terms]]:
    """Title, picture and terms of what an unpacked package is good for."""
    written = Copyright.read(root / "usr/share/doc" / package / "copyright")
    return _stamps(root, written) if package == STAMPS else _photos(root, package, written)


def held_out(title: str, terms: Terms) -> bool:
    """Whether a photo must not be learned from."""
    name = title.rpartition("/")[2]
    wrong = (FISHES in title and name not in KNOWN_FISHES) or name in DOUBTFUL
    return wrong or not terms.clear


def _clear(folder: Path) -> None:
    """Takes an earlier pool away, so that no picture stays whose terms were judged otherwise then."""
    for part in (HELD_OUT, STAMP):
        shutil.rmtree(folder / part, ignore_errors=True)
    for path in folder.glob(f"*{FORM}"):
        path.unlink()


def _keep(folder: Path, package: str, title: str, picture: Image.Image, terms: Terms) -> Credit:
    part = f"{STAMP}/" if package == STAMPS else f"{HELD_OUT}/" if held_out(title, terms) else ""
    file = f"{part}{package}-{title.replace('/', '-')}{FORM}"
    target = folder / file
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    picture.save(target, quality=92, method=3)
    return Credit(file, title, package, terms.author, terms.licence, terms.source)


def _photos(root: Path, package: str, written: Copyright) -> Iterator[tuple[str, Image.Image, Terms]]:
    files = _collected(root) if package == "gcompris-qt-data" else _backgrounds(root)
    for name, content in files:
        terms = written.terms(PREFIX.get(package, "") + name)
        if terms is None:
            continue  # nobody says whose it is
        with Image.open(io.BytesIO(content)) as opened:
            if min(opened.size) < SHORTEST or opened.mode not in ("RGB", "L"):
                continue
            picture = opened.convert("RGB")
        if not plain(picture):
            title = name.rsplit(".", 1)[0].removeprefix("src/activities/").replace("/resource/", "/")
            yield title, picture, terms


def _backgrounds(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((root / BACKGROUNDS).rglob("*.jpg")):
        name = str(path.relative_to(root / BACKGROUNDS)).removeprefix("mate/")
        if not name.startswith(("abstract/", "desktop/")):
            yield name, path.read_bytes()


def _collected(root: Path) -> Iterator[tuple[str, bytes]]:
    for name in COLLECTIONS:
        for path, content in sorted(read_collection(root / f"usr/share/gcompris-qt/rcc/{name}.rcc").items()):
            if path.endswith((".webp", ".jpg")):
                yield path.split("gcompris/", 1)[-1], content


def plain(picture: Image.Image) -> bool:
    """Whether most of a picture has one and the same colour, as drawings and things before white have."""
    small = np.asarray(picture.resize((96, 96))) // 4
    _, counts = np.unique(small.reshape(-1, 3), axis=0, return_counts=True)
    return bool(counts.max() > PLAIN * 96 * 96)


def _stamps(root: Path, written: Copyright) -> Iterator[tuple[str, Image.Image, Terms]]:
    base = root / "usr/share/tuxpaint/stamps"
    for path in sorted(base.rglob("*.png")):
        with Image.open(path) as opened:
            if opened.mode != "RGBA" or min(opened.size) < 60:
                continue
            picture = opened.copy()
        terms = written.terms(f"stamps/{path.relative_to(base)}")
        if terms and photographic(picture):
            yield str(path.relative_to(base).with_suffix("")), picture, terms


def photographic(picture: Image.Image) -> bool:
    """Whether a thing [RGBA] before nothing shows the many shades of a photo rather than the flat colours of a drawing."""
    pixels = np.asarray(picture.resize((96, 96)))
    solid = pixels[pixels[..., 3] > 250][:, :3]
    shades = len(np.unique(solid // 8, axis=0))
    return len(solid) > 96 and shades > 0.18 * len(solid) and float((pixels[..., 3] < 5).mean()) > 0.05
