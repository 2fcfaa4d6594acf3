"""Snapshots in memory outlive their server, for the one after it. Those of a state folder that is gone have nobody any more, and
take memory until the machine starts anew: whose each folder is stands in it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from pathlib import Path

log = logging.getLogger(__name__)

OF = "state-folder"
"""The file that names the state folder."""

FULL = (errno.ENOSPC, errno.EDQUOT)


def has_room(folder: Path, least: int) -> bool:
    """Whether snapshots can be written there, of `least` bytes at least: it may be mounted for reading alone, or be others'."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= least


def mark(snapshots: Path, state: Path) -> None:
    """Says whose folder of snapshots it is, where there is room for that: a full memory file system stops no server.

    Raises OSError for a folder that takes no files at all.
    """
    try:
        (snapshots / OF).write_bytes(os.fsencode(state.resolve()))  # a name of a folder need not be UTF-8
    except OSError as error:
        log.warning("%s could not be marked as this server's: %s", snapshots, error)
        with contextlib.suppress(OSError):  # half a name would be that of another
            (snapshots / OF).unlink()
        if error.errno not in FULL:
            raise


def leave(snapshots: Path) -> None:
    """Removes the folder unless there are snapshots in it. One that came as its session ended has left an empty folder there."""
    with contextlib.suppress(OSError):
        for path in snapshots.iterdir():
            with contextlib.suppress(OSError):  # a file, or a folder that is not empty
                path.rmdir()
        if os.listdir(snapshots) == [OF]:
            (snapshots / OF).unlink()
        snapshots.rmdir()


def remove_abandoned(folder: Path, name: str) -> list[Path]:
    """Removes those in `folder` whose names begin with `name`, and whose state folder is gone; says which. Blocks."""
    gone = [path for path in sorted(folder.glob(f"{name}*")) if _is_abandoned(path)]
    for path in gone:
        log.info("%s was left by a server whose state folder is gone: removed", path)
        shutil.rmtree(path, ignore_errors=True)
    return gone


def _is_abandoned(path: Path) -> bool:
    try:
        ours = not path.is_symlink() and path.stat().st_uid == os.getuid()
        return ours and not Path(os.fsdecode((path / OF).read_bytes())).exists()
    except (OSError, ValueError):  # no mark, or none that can be read
        return False
