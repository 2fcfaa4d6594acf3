"""The furniture of a Debian package: archives of meshes with a catalogue each, and whose each mesh is."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from flowbrush.training.furniture.wavefront import Floats, Mesh, read_mesh, unit
from flowbrush.training.photos.licences import Copyright, Terms

PACKAGE = "sweethome3d-furniture"
ARCHIVES = "usr/share/sweethome3d/furniture"
LIST = "PluginFurnitureCatalog.properties"
LICENCE_SUFFIX = "BLENDSWAP_LICENSE.txt"  # next to a mesh: where it was found


@dataclass(frozen=True)
class Piece:
    """A mesh of an archive by its file there, its width, height and depth in cm, how it is turned [3, 3], and its terms."""

    name: str
    archive: Path
    file: str
    size: Floats
    turned: Floats
    terms: Terms


def pieces(root: Path) -> Iterator[Piece]:
    """What an unpacked package holds and may be learned from, as far as it tells whose it is."""
    written = Copyright.read(root / "usr/share/doc" / PACKAGE / "copyright")
    for archive in sorted((root / ARCHIVES).glob("*.sh3f")):
        terms = written.terms(f"{archive.stem}/model")
        if terms and terms.clear:
            yield from _listed(archive, terms)


def _listed(archive: Path, terms: Terms) -> Iterator[Piece]:
    with zipfile.ZipFile(archive) as opened:
        files = set(opened.namelist())
        fields = dict(
            line.split("=", 1)
            for line in opened.read(LIST).decode("latin-1").splitlines()
            if "=" in line and not line.startswith("#")
        )
        for key, value in fields.items():
            file = value.strip().lstrip("/")
            if not key.startswith("model#") or file not in files or not file.endswith(".obj"):
                continue
            number = key.partition("#")[2]
            own = replace(
                terms,
                author=_author(terms, fields.get(f"creator#{number}", "").strip()),
                source=_source(opened, file, files) or terms.source,
            )
            yield Piece(
                f"{archive.stem}-{PurePosixPath(file).parent.name}",
                archive,
                file,
                np.array(
                    [float(fields[f"{side}#{number}"]) for side in ("width", "height", "depth")], np.float32
                ),
                _turned(fields.get(f"modelRotation#{number}", "")),
                own,
            )


def _author(terms: Terms, creator: str) -> str:
    return f"{creator} ({terms.author})" if creator else terms.author


def _source(opened: zipfile.ZipFile, file: str, files: set[str]) -> str:
    licence = str(PurePosixPath(file).parent / LICENCE_SUFFIX)
    if licence not in files:
        return ""
    found = re.search(r"Downloaded from\s+(\S+)", opened.read(licence).decode("latin-1"))
    return found[1] if found else ""


def _turned(words: str) -> Floats:
    values = [float(word) for word in words.split()]
    return np.array(values or np.eye(3).ravel(), np.float32).reshape(3, 3)


def load(piece: Piece, folder: Path) -> Mesh:
    """A piece's mesh, turned and as large as its catalogue says, unpacked under `folder`. Raises BadMesh."""
    with zipfile.ZipFile(piece.archive) as opened:
        home = str(PurePosixPath(piece.file).parent) + "/"
        for name in opened.namelist():
            if name.startswith(home) and not name.endswith("/"):
                opened.extract(name, folder)
    mesh = read_mesh(folder / piece.file)
    corners = mesh.corners @ piece.turned.T
    extent = corners.max((0, 1)) - corners.min((0, 1))
    scale = piece.size / np.maximum(extent, 1e-6)
    normals = unit(mesh.normals @ piece.turned.T / scale)
    return replace(mesh, corners=corners * scale, normals=normals)
