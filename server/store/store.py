"""What outlives the server: one folder per session with its settings, journal and recording.

`session.json` is rewritten as a whole; the journal and the recording grow. Snapshots lie apart (in memory
where there is enough), under the same id. All functions block for the time of a small file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ValidationError

from flowbrush.protocol import Codec, Notice, StartFields
from flowbrush.server.store import in_memory
from flowbrush.server.store.claims import Claims, Owners, Sole

log = logging.getLogger(__name__)

_SNAPSHOT = re.compile(r"(\d+)-(\d+)\.safetensors(\.part)?")


FORMAT = 1
"""How sessions lie in the state folder. It goes up where what a version writes there an earlier one would not read as it is meant:
that one would cut logs at the first line that it does not know, and forget settings.
"""


TRIAL_BYTES = 4096
"""A disk that takes no block more is full, though it may take an empty file."""


class FolderInUse(OSError):
    """Another server has the state folder."""


class OtherFormat(OSError):
    """The state folder is of a later version."""


class SessionRecord(BaseModel):
    """`session.json`. `start` has every default filled in, also the seed; times are seconds since 1970."""

    id: str
    owner: str = ""
    """name of the key that began it; to others it does not exist. "" on a server without keys"""
    token_hash: str
    model: str
    weights: str | None = None
    """fingerprint of the weights that it began with"""
    start: StartFields
    width: int
    height: int
    fps: float
    chunk_frames: int
    codec: Codec
    codec_string: str
    created: float
    first_frame: int = 0
    """where the session began: later than 0 for a branch of another"""
    ended: str | None = None
    frames: int = 0
    paused: bool = False
    unsaid: tuple[Notice, ...] = ()
    sent: int | None = None
    """how its last process left it: what its client was not told yet, and how many frames it was sent; None: that process ended
    without a word
    """
    said: tuple[Notice, ...] = ()
    """of its prompts"""


def hash_token(token: str) -> str:
    """Tokens are kept as hashes: who reads the folder cannot take over a session."""
    return hashlib.sha256(token.encode()).hexdigest()


class Store:
    """The folders of all sessions."""

    def __init__(self, folder: Path, snapshots: Path, shared: bool = False) -> None:
        """`shared`: with other gateways of a cluster, each of which owns some of the sessions.

        Raises FolderInUse, OtherFormat, OSError.
        """
        self.sessions = folder / "sessions"
        self._snapshots = snapshots
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._shared = folder, shared
        self._lock = _lock(folder, shared)
        try:
            _check_format(folder)
        except OSError:
            self._lock.close()
            raise
        self.owners: Owners = Claims(folder) if shared else Sole()
        self.sessions.mkdir(parents=True, exist_ok=True)
        self._snapshots.mkdir(parents=True, exist_ok=True, mode=0o700)
        in_memory.mark(snapshots, folder)

    def folders(self) -> list[Path]:
        """Those of all sessions."""
        return [path for path in self.sessions.iterdir() if path.is_dir()]

    def folder(self, id: str) -> Path:
        """A session's folder."""
        return self.sessions / id

    def journal(self, id: str) -> Path:
        """A session's journal."""
        return self.folder(id) / "journal.jsonl"

    def recording(self, id: str) -> Path:
        """A session's recording."""
        return self.folder(id) / "recording.mp4"

    def image(self, id: str) -> Path:
        """A session's start image."""
        return self.folder(id) / "image.png"

    def snapshot(self, id: str, epoch: int, chunk: int) -> Path:
        """Where the state after `chunk` goes."""
        return self._snapshots / id / f"{epoch}-{chunk}.safetensors"

    def write(self, meta: SessionRecord) -> None:
        """Writes `session.json`, whole or not at all."""
        folder = self.folder(meta.id)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "session.json.part"
        try:
            part.write_text(meta.model_dump_json(exclude_none=True))
            os.replace(part, folder / "session.json")
        finally:
            part.unlink(missing_ok=True)

    def has(self, id: str) -> bool:
        """Whether the session's settings are there. Raises OSError where that cannot be told."""
        return (self.folder(id) / "session.json").exists()

    def find(self, id: str) -> SessionRecord | None:
        """The settings of a stored session; None when there is none, or it is damaged. Raises OSError where that cannot be told."""
        try:
            return SessionRecord.model_validate_json((self.folder(id) / "session.json").read_bytes())
        except (FileNotFoundError, ValidationError, json.JSONDecodeError):
            return None

    def read(self, id: str) -> SessionRecord | None:
        """The settings of a stored session; None when there is none or it cannot be read."""
        with contextlib.suppress(OSError):
            return self.find(id)
        return None

    def try_writing(self) -> None:
        """Writes as a new session would, and takes it away again. Raises OSError where one could not have files, and FolderInUse
        where the folder's lock was removed and another server has come.
        """
        trial = self.sessions / f"trial-{secrets.token_hex(4)}.part"
        self.sessions.mkdir(parents=True, exist_ok=True)
        self._lock_again()
        try:
            trial.write_bytes(bytes(TRIAL_BYTES))
        finally:
            trial.unlink(missing_ok=True)

    def _lock_again(self) -> None:
        """A lock that somebody removed keeps nobody out."""
        if os.fstat(self._lock.fileno()).st_nlink == 0:
            again = _lock(self._folder, self._shared)
            self._lock.close()
            self._lock = again

    def all(self) -> list[SessionRecord]:
        """Every stored session, the oldest first."""
        found = [self.read(path.name) for path in self.folders()]
        return sorted((meta for meta in found if meta is not None), key=lambda meta: meta.created)

    def unreadable(self) -> list[Path]:
        """Folders of sessions whose settings cannot be read: damaged, or of a version that wrote them otherwise."""
        return [path for path in self.folders() if self.read(path.name) is None]

    def written_at(self, id: str) -> float:
        """When the session's journal was last written (seconds since 1970)."""
        return changed_at(self.journal(id))

    def snapshots(self, id: str) -> dict[int, tuple[int, str]]:
        """Snapshots that lie ready: of each chunk the epoch of the latest, and its path."""
        found = {}
        with contextlib.suppress(OSError):
            for epoch, chunk, half, path in sorted(self._snapshots_of(id)):
                if not half:
                    found[chunk] = epoch, path
        return found

    def _snapshots_of(self, id: str) -> Iterator[tuple[int, int, bool, str]]:
        """Epoch, chunk, whether it is half-written, path. Raises OSError."""
        for path in (self._snapshots / id).iterdir():
            if match := _SNAPSHOT.fullmatch(path.name):
                yield int(match[1]), int(match[2]), bool(match[3]), str(path)

    def tidy_snapshots(self, id: str, kept: frozenset[str], before_epoch: int) -> None:
        """Removes all others of earlier epochs."""
        with contextlib.suppress(OSError):
            for epoch, _, _, path in list(self._snapshots_of(id)):
                if epoch < before_epoch and path not in kept:
                    self.unlink(path)

    def unlink(self, path: str) -> None:
        """Removes a snapshot that is of no use."""
        try:
            os.unlink(path)
        except OSError as error:
            log.debug("snapshot %s was not removed: %s", path, error)

    def drop_snapshots(self, id: str) -> None:
        """The session needs its snapshots no more."""
        shutil.rmtree(self._snapshots / id, ignore_errors=True)

    def close(self) -> None:
        """Leaves no empty folder in memory behind."""
        in_memory.leave(self._snapshots)
        self.owners.close()
        self._lock.close()

    def link_snapshot(self, path: str, id: str) -> None:
        """Another session, with the same log so far, starts from this snapshot, too."""
        target = self._snapshots / id / os.path.basename(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.link(path, target)

    def remove(self, id: str) -> None:
        """Removes everything of a session, unless it is another gateway's."""
        if self.owners.take(id):
            shutil.rmtree(self.folder(id), ignore_errors=True)
            self.drop_snapshots(id)
            self.owners.drop(id)


def _lock(folder: Path, shared: bool) -> TextIO:
    """Takes the folder for this process, or with `shared` for all gateways; raises FolderInUse with the name of who has it."""
    file = open(folder / "lock", "a+", encoding="utf-8")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "another server"
        file.close()
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise FolderInUse(f"it is in use by {owner}: stop that one, or take another folder") from None
    file.truncate(0)
    file.write(
        "the gateways of a cluster\n" if shared else f"process {os.getpid()} on {socket.gethostname()}\n"
    )
    file.flush()
    return file


def _check_format(folder: Path) -> None:
    """Marks a folder that is not marked yet, where there is room. Raises OtherFormat for one that is not written as this version
    writes, and OSError.
    """
    mark = folder / "format"
    found = mark.read_text(encoding="utf-8").strip() if mark.exists() else ""
    if not found:
        part = folder / f"format-{secrets.token_hex(4)}.part"  # another gateway may be at it, too
        try:
            part.write_text(f"{FORMAT}\n", encoding="utf-8")
            os.replace(part, mark)
        except OSError as error:  # a full disk stops no server
            log.warning("%s could not be marked with its format: %s", folder, error)
        finally:
            part.unlink(missing_ok=True)
    elif found != str(FORMAT):
        here = f"this version of flowbrush writes {FORMAT}: nothing was changed. Update flowbrush"
        raise OtherFormat(f"it is in format {found[:20]!r}, and {here}")


def changed_at(path: Path) -> float:
    """When a file or folder was last written (seconds since 1970); 0 for one that is not there, or not any more."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def size_of(file: Path) -> int:
    """The bytes of a file; 0 for one that is not there, or not any more."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
