"""Pictures of furniture, people, plants and vehicles with their exact opacity, rendered for learning what belongs together."""

from __future__ import annotations

import json
import sys
import tempfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from flowbrush.training.furniture.catalogue import PACKAGE, Piece, load, pieces
from flowbrush.training.furniture.render import Stage, tracer, view
from flowbrush.training.furniture.wavefront import BadMesh
from flowbrush.training.photos.packages import unpacked

FOLDER, ATTRIBUTION = "furniture", "attribution.json"  # next to the photos, and in it
SHARES = (
    0.03,
    0.97,
)  # of the square that a thing covers: what covers less or more has no shape worth knowing
VIEWS = 2  # of a mesh
SIDE = 256  # pixels of a picture
FORM, NONE = ".webp", ".none"


@dataclass(frozen=True)
class Credit:
    """A picture's `file`, what it shows, the mesh's file in which package, and its terms."""

    file: str
    name: str
    package: str
    mesh: str
    author: str
    licence: str
    source: str


def build_furniture(photos: Path, views: int = VIEWS) -> int:
    """Renders `views` pictures of every mesh that may be learned from into `photos`/furniture, where they are not there yet, and
    writes attribution.json. Returns how many pictures there are. Raises MissingPackage, MissingTracer.
    """
    tracer()
    found = sorted(pieces(unpacked(PACKAGE, photos)), key=lambda piece: zlib.crc32(piece.name.encode()))
    folder = photos / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _forget(folder, found)
    for done, piece in enumerate(found, 1):
        _keep(folder, piece, views)
        if done % 20 == 0 or done == len(found):
            made = len(_credit(folder, found, views))
            sys.stderr.write(f"furniture: {done} of {len(found)} meshes, {made} pictures\n")
    return len(_credit(folder, found, views))


def _forget(folder: Path, found: list[Piece]) -> None:
    """Takes pictures away whose meshes may not be learned from any more."""
    names = {piece.name for piece in found}
    for path in folder.glob(f"*{FORM}"):
        if path.stem.rpartition("-")[0] not in names:
            path.unlink()


def _keep(folder: Path, piece: Piece, views: int) -> None:
    """Writes a mesh's pictures; in the place of one that has no shape worth knowing, an empty file that says so."""
    targets = [folder / f"{piece.name}-{number}{FORM}" for number in range(views)]
    missing = [path for path in targets if not path.exists() and not path.with_suffix(NONE).exists()]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as place:
        try:
            stage = Stage(load(piece, Path(place)))
        except BadMesh as error:
            sys.stderr.write(f"furniture: left out: {error}\n")
            return
    for target in missing:
        picture = view(stage, np.random.default_rng(zlib.crc32(target.name.encode())), SIDE)
        share = float((np.asarray(picture)[..., 3] > 127).mean())
        if SHARES[0] <= share <= SHARES[1]:
            part = target.with_suffix(".part")
            picture.save(part, "WEBP", quality=90, method=4, exact=True)
            part.rename(target)
        else:
            target.with_suffix(NONE).touch()


def _credit(folder: Path, found: list[Piece], views: int) -> list[Credit]:
    credits = [
        Credit(
            file,
            p.name,
            PACKAGE,
            f"{p.archive.name}/{p.file}",
            p.terms.author,
            p.terms.licence,
            p.terms.source,
        )
        for p in found
        for file in (f"{p.name}-{number}{FORM}" for number in range(views))
        if (folder / file).exists()
    ]
    (folder / ATTRIBUTION).write_text(json.dumps([asdict(one) for one in credits], indent=1) + "\n")
    return credits
