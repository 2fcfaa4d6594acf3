"""Meshes with their materials, read from Wavefront OBJ and MTL files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
TEXTURE = 512  # pixels of a texture's longer side: views are smaller than that
CREASE = 0.75  # cosine of the angle between faces from which on an edge is sharp, where a file has no normals


class BadMesh(ValueError):
    """A mesh without faces, or one that cannot be read."""


@dataclass(frozen=True)
class Material:
    """What a surface looks like. Colours are sRGB in 0..1, `opacity` is 0..1, `shine` the exponent of a highlight.

    A texture is RGBA [h, w, 4], uint8, its first row at the top.
    """

    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    gloss: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shine: float = 30.0
    opacity: float = 1.0
    texture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Mesh:
    """Triangles: corners [n, 3, 3], their normals [n, 3, 3], their places in a texture [n, 3, 2], and each one's material [n]."""

    corners: Floats
    normals: Floats
    places: Floats
    material: NDArray[np.int32]
    materials: tuple[Material, ...]


@dataclass
class _Read:
    """What lines of a file gave so far: numbers as text; points as indices of (corner, place, normal), and by how they are written;
    triangles of points, and each one's material."""

    rows: dict[str, list[str]] = field(default_factory=lambda: {"v": [], "vt": [], "vn": []})
    points: list[tuple[int, ...]] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    triangles: list[tuple[int, int, int]] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)
    current: int = 0


def read_mesh(path: Path) -> Mesh:
    """The mesh of an OBJ file, faces cut into triangles. Raises BadMesh."""
    read = _Read()
    try:
        for line in path.read_text(encoding="latin-1").split("\n"):
            _line(read, line)
        if not read.triangles:
            raise ValueError("it has no faces")
        arrays = {key: _numbers(rows, 2 if key == "vt" else 3) for key, rows in read.rows.items()}
        corner, place, normal = np.moveaxis(np.array(read.points, np.int64)[np.array(read.triangles)], 2, 0)
        corners = arrays["v"][corner]
        places = _picked(arrays["vt"], place)
        normals = _normals(corners, corner, len(arrays["v"]), _picked(arrays["vn"], normal))
    except (ValueError, IndexError) as error:
        raise BadMesh(
            f"{path}: cannot be read; expected a Wavefront OBJ file with lines `v`, `f` ({error})"
        ) from error
    known = {
        key: value for name in read.libraries for key, value in read_materials(path.parent / name).items()
    }
    materials = tuple(known.get(name, Material()) for name in read.names)
    return Mesh(corners, normals, places, np.array(read.used, np.int32), materials)


def _line(read: _Read, line: str) -> None:
    key, _, rest = line.strip().partition(" ")
    if key in read.rows:
        read.rows[key].append(rest)
    elif key == "f":
        points = [_point(read, word) for word in rest.split()]
        if not read.names:
            read.names[""] = 0
        for i in range(1, len(points) - 1):
            read.triangles.append((points[0], points[i], points[i + 1]))
            read.used.append(read.current)
    elif key == "usemtl":
        read.current = read.names.setdefault(rest.strip(), len(read.names))
    elif key == "mtllib":
        read.libraries.append(rest.strip())


def _point(read: _Read, word: str) -> int:
    """The number of a point, by indices from 0 of its corner, place and normal; −1 where there is none."""
    if word in read.written:
        return read.written[word]
    found = [-1, -1, -1]
    for i, (text, key) in enumerate(zip(word.split("/"), ("v", "vt", "vn"), strict=False)):
        if text:
            index = int(text)
            found[i] = index - 1 if index > 0 else len(read.rows[key]) + index
    read.points.append(tuple(found))
    if "-" not in word:  # counted from the end, a word means another point further down
        read.written[word] = len(read.points) - 1
    return len(read.points) - 1


def _numbers(rows: list[str], width: int) -> Floats:
    if not rows:
        return np.zeros((0, width), np.float32)
    return np.loadtxt(rows, dtype=np.float32, usecols=range(width), ndmin=2)


def _picked(values: Floats, index: NDArray[np.int64]) -> Floats:
    """Values at indices; zeros where the index is −1."""
    padded = np.concatenate([values, np.zeros((1, values.shape[1]), np.float32)])
    return padded[index]


def _normals(corners: Floats, corner: NDArray[np.int64], count: int, given: Floats) -> Floats:
    """Unit normals of corners: those given, elsewhere the mean of the faces around, unless the edge is sharp."""
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((count, 3), np.float32)
    for i in range(3):
        np.add.at(total, corner[:, i], face)
    smooth, flat = unit(total)[corner], np.repeat(unit(face)[:, None], 3, axis=1)
    smooth = np.where(dot(smooth, flat) > CREASE, smooth, flat)
    has = dot(given, given) > 1e-6
    return np.where(has, unit(given), smooth).astype(np.float32)


def unit(vectors: Floats) -> Floats:
    """Vectors of length 1; those without a length stay 0."""
    scaled = vectors / np.maximum(np.sqrt(dot(vectors, vectors)), 1e-20)
    return scaled.astype(np.float32, copy=False)


def dot(one: Floats, other: Floats) -> Floats:
    """Products of vectors [..., n], as [..., 1]."""
    made: Floats = np.einsum("...i,...i->...", one, other)[..., None]
    return made


def read_materials(path: Path) -> dict[str, Material]:
    """The materials of an MTL file by name; none where there is no such file."""
    if not path.is_file():
        return {}
    found: dict[str, Material] = {}
    name = ""
    for line in path.read_text(encoding="latin-1").split("\n"):
        key, *words = line.partition("#")[0].split() or [""]
        if key == "newmtl":
            name = " ".join(words)
            found[name] = Material()
        elif name and words:
            found[name] = _property(found[name], key, words, path.parent)
    return found


def _property(material: Material, key: str, words: list[str], folder: Path) -> Material:
    if key == "Kd":
        return replace(material, colour=_colour(words))
    if key == "Ks":
        return replace(material, gloss=_colour(words))
    if key == "Ns":
        return replace(material, shine=float(words[0]))
    if key == "d":
        return replace(material, opacity=min(max(float(words[-1]), 0.0), 1.0))
    if key == "map_Kd":
        return replace(material, texture=_texture(folder, words))
    return material


def _colour(words: list[str]) -> tuple[float, float, float]:
    red, green, blue = (min(max(float(word), 0.0), 1.0) for word in words[:3])
    return red, green, blue


def _texture(folder: Path, words: list[str]) -> NDArray[np.uint8] | None:
    """The picture that a line names, in the mesh's folder, wherever its author had it."""
    name = " ".join(words).replace("\\", "/").rpartition("/")[2]
    if not (folder / name).is_file():
        return None
    with Image.open(folder / name) as opened:
        picture = opened.convert("RGBA")
    picture.thumbnail((TEXTURE, TEXTURE), Image.Resampling.BOX)
    return np.array(picture)
