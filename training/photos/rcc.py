"""Qt's binary resource collections (.rcc): a folder of files in one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

COMPRESSED, FOLDER = 1, 2  # flags of a node


class BadCollection(ValueError):
    """The bytes are no resource collection that can be read."""


def read_collection(path: Path) -> dict[str, bytes]:
    """The files of a collection by their paths in it; those that are packed by zstd are left out. Raises BadCollection."""
    raw = path.read_bytes()
    if raw[:4] != b"qres":
        raise BadCollection(f"{path} does not begin with 'qres': expected a Qt resource collection")
    version, tree, data, names = struct.unpack_from(">4I", raw, 4)
    size = 14 if version < 2 else 22  # bytes of a node: from version 2 on with the time of its last change
    try:
        return dict(_files(raw, tree, size, data, names, 0, ""))
    except (struct.error, zlib.error) as error:
        raise BadCollection(f"{path} is damaged: {error}") from error


def _files(
    raw: bytes, tree: int, size: int, data: int, names: int, node: int, folder: str
) -> Iterator[tuple[str, bytes]]:
    """What lies in the folder number `node` of the tree."""
    _, _, count, first = struct.unpack_from(">IHII", raw, tree + node * size)
    for child in range(first, first + count):
        name_at, flags = struct.unpack_from(">IH", raw, tree + child * size)
        (length,) = struct.unpack_from(">H", raw, names + name_at)
        at = names + name_at + 6  # behind the length and the hash
        path = f"{folder}/{raw[at : at + 2 * length].decode('utf-16-be')}".lstrip("/")
        if flags & FOLDER:
            yield from _files(raw, tree, size, data, names, child, path)
        elif flags in (0, COMPRESSED):
            (at,) = struct.unpack_from(">I", raw, tree + child * size + 10)
            (length,) = struct.unpack_from(">I", raw, data + at)
            content = raw[data + at + 4 : data + at + 4 + length]
            yield path, zlib.decompress(content[4:]) if flags else content
