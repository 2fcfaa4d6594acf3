"""Packages of photos are unpacked whole, into a folder that nothing has been in yet."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from flowbrush.training.photos.packages import MissingPackage, unpacked

pytestmark = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")), reason="needs Debian's tools"
)


def fetched(folder: Path, name: str) -> Path:
    """A package that `apt-get download` has left in `folder`."""
    root = folder / "made"
    (root / "usr/share/pictures").mkdir(parents=True)
    (root / "usr/share/pictures/hill.webp").write_bytes(b"a picture")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.com>\nDescription: pictures\n"
    )
    archive = folder / "packages" / f"{name}_1_all.deb"
    archive.parent.mkdir()
    subprocess.run(["dpkg-deb", "--build", str(root), str(archive)], check=True, capture_output=True)
    return archive


def test_a_package_is_unpacked_where_nothing_was_yet(tmp_path: Path) -> None:
    fetched(tmp_path, "hills-16.04")
    root = unpacked("hills-16.04", tmp_path)
    assert (root / "usr/share/pictures/hill.webp").read_bytes() == b"a picture"
    assert [path.name for path in root.parent.iterdir()] == ["hills-16.04"]


def test_what_an_ended_run_has_begun_is_not_taken_for_all_there_is(tmp_path: Path) -> None:
    archive = fetched(tmp_path, "hills-16.04")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MissingPackage, match="cannot be unpacked"):
        unpacked("hills-16.04", tmp_path)
    archive.write_bytes(whole)
    assert (unpacked("hills-16.04", tmp_path) / "usr/share/pictures/hill.webp").is_file()
