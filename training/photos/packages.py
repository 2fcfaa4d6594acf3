"""Debian packages with photos: fetched and unpacked by Debian's own tools, without being installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PHOTOS = ("lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "gcompris-qt-data", "mate-backgrounds")
STAMPS = "tuxpaint-stamps-default"  # things with their opacity: for evaluation only
PACKAGES = (*PHOTOS, STAMPS)


class MissingPackage(RuntimeError):
    """A package cannot be had here."""


def unpacked(name: str, folder: Path) -> Path:
    """The root of a package's files under `folder`, fetched and unpacked if need be. Raises MissingPackage."""
    root = folder / "unpacked" / name
    if (root / "usr").is_dir():
        return root
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise MissingPackage(
                f"{name}: there is no `{tool}` here; expected a Debian machine, or its files in {root}"
            )
    archives = folder / "packages"
    archives.mkdir(parents=True, exist_ok=True)
    if not list(archives.glob(f"{name}_*.deb")):
        _run(
            ["apt-get", "download", name],
            archives,
            f"{name}: cannot be downloaded; `apt-get update` may help",
        )
    archive = sorted(archives.glob(f"{name}_*.deb"))[-1].resolve()
    # Under another name until it is whole: a run that is ended here must not leave half of the photos for all there are.
    begun = root.with_name(f"{name}.part")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)  # the tool itself makes one folder, and not those above it
    _run(
        ["dpkg-deb", "-x", str(archive), str(begun.resolve())],
        archives,
        f"{name}: {archive} cannot be unpacked",
    )
    shutil.rmtree(root, ignore_errors=True)
    begun.rename(root)
    return root


def _run(command: list[str], folder: Path, trouble: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingPackage(f"{trouble} ({done.stderr.strip() or done.stdout.strip()})")
