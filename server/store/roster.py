"""The gateways of one state folder: what each publishes there, for the others to read; and the secret that they share.

A gateway's file is locked by it (`flock`) for as long as it lives, as its sessions are. It is written again all the time: one that
does not change any more is of a gateway that hangs. No clocks of two machines are compared.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import msgspec

from flowbrush.server.engine.admission import Pool
from flowbrush.server.store.put_back import taken_away

QUIET_S = 3.0
"""What a gateway published that has not written for so long does not count."""

SECRET_BYTES = 32


class Gateway(msgspec.Struct, frozen=True):
    """What one of them says: where the others reach it, and what it has of each model."""

    url: str
    pools: dict[str, Pool] = {}
    count: int = 0
    """how often it has written"""


class Roster:
    """Blocks for the time of a few small files."""

    def __init__(self, folder: Path, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`folder`: the state folder; `name`: of this gateway. Raises OSError."""
        self._folder = folder / "gateways"
        self.name = name
        self._clock = clock
        self.count = 0
        """how often it has written; what could not be written does not count, since nobody has read it"""
        self._seen: dict[str, tuple[Gateway, float]] = {}
        """what each said last, and since when (this process's clock)"""
        self._file: TextIO | None = None
        self.secret = self._shared(secrets.token_bytes(SECRET_BYTES))

    def _shared(self, mine: bytes) -> bytes:
        """The secret of all: made by the first, whole or not at all, and readable by this user alone."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / "secret"
        part = self._folder / f"secret-{self.name}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(mine)
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
        finally:
            part.unlink()
        return path.read_bytes()

    def publish(self, url: str, pools: dict[str, Pool]) -> None:
        """Says what this gateway has, in a new file where somebody has removed it. Raises OSError."""
        text = msgspec.json.encode(Gateway(url, pools, self.count + 1)).decode()
        path = self._folder / f"{self.name}.json"
        if self._file is not None and taken_away(self._file, path):
            self._shared(
                self.secret
            )  # it is gone, too, where the folder is: who comes new must know this one
            self._file.close()
            self._file = None
        if self._file is None:
            file = open(path, "a+", encoding="utf-8")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = file
        self._file.truncate(0)  # in place, because the lock is on this very file
        self._file.write(text)
        self._file.flush()
        self.count += 1

    def others(self) -> dict[str, Gateway]:
        """All other gateways that live, by name; without their pools where they do not write any more."""
        now, living = self._clock(), {}
        for path in self._folder.glob("*.json"):
            if path.stem != self.name and not self._dead(path):
                said = self._read(path)
                before = self._seen.get(path.stem)
                if said is not None and (before is None or before[0].count != said.count):
                    self._seen[path.stem] = (said, now)
                if path.stem in self._seen:
                    living[path.stem] = self._seen[path.stem]
        self._seen = living
        return {
            name: said if now - since < QUIET_S else Gateway(said.url, count=said.count)
            for name, (said, since) in living.items()
        }

    @staticmethod
    def _read(path: Path) -> Gateway | None:
        """None while it is being written, or gone."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=Gateway)
        except (OSError, msgspec.DecodeError):
            return None

    @staticmethod
    def _dead(path: Path) -> bool:
        """Whether nobody holds the file any more; it is removed then."""
        try:
            with open(path, "a", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
                return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def leave(self) -> None:
        """This gateway is no longer among them."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                (self._folder / f"{self.name}.json").unlink(missing_ok=True)
            self._file.close()
            self._file = None
