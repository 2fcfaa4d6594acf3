"""Whose a session is, where several gateways share one state folder: its owner holds a lock on a file in its folder.

Nobody has to notice that an owner died, and no clock is compared: the system takes a process's locks back when it ends, however it
ends. The folder must be on a file system that keeps locks between machines (NFS 4, CephFS, …; not a bucket of objects).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
from pathlib import Path
from typing import Protocol, TextIO


class Owners(Protocol):
    """Who has which session."""

    def take(self, id: str) -> bool:
        """Makes a session this process's own; False when it is another's. Raises OSError."""

    def drop(self, id: str) -> None:
        """Gives it up."""

    def close(self) -> None:
        """Gives everything up."""


class Sole:
    """The folder is this process's alone, and so is each session in it."""

    def take(self, id: str) -> bool:
        """Always."""
        return True

    def drop(self, id: str) -> None:
        """There is nothing to give up."""

    def close(self) -> None:
        """There is nothing to give up."""


class Claims:
    """One lock for each session that is this process's; the file says by which name others know this one."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the state folder."""
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._sessions = folder / "sessions"
        self._wishes = folder / "wanted"
        self._wishes.mkdir(parents=True, exist_ok=True)
        self._held: dict[str, TextIO] = {}

    def take(self, id: str) -> bool:
        """Makes a session this process's own; False when it is another's. Raises OSError where there are no locks."""
        held = self._held.get(id)
        if held is not None and os.fstat(held.fileno()).st_nlink:
            return True
        folder = self._sessions / id
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / "owner", "a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError:
            file.close()
            raise
        file.truncate(0)
        file.write(self.name)
        file.flush()
        self._held[id] = file
        if held is not None:  # somebody has removed that one, and a lock on it holds nobody off
            held.close()
        return True

    def drop(self, id: str) -> None:
        """Gives a session up: another gateway may take it."""
        file = self._held.pop(id, None)
        if file is not None:
            with contextlib.suppress(OSError):
                file.truncate(0)
            file.close()

    def owner(self, id: str) -> str:
        """The name of the gateway that has a session, or had it when it ended; empty where none has."""
        try:
            return (self._sessions / id / "owner").read_text(encoding="utf-8")
        except OSError:
            return ""

    def close(self) -> None:
        """Gives everything up."""
        for id in list(self._held):
            self.drop(id)

    # ---- asking for one

    def ask(self, id: str) -> None:
        """Has its owner, if it lives, give the session up."""
        self._wishes.mkdir(parents=True, exist_ok=True)  # somebody may have removed it
        (self._wishes / id).touch()

    def answered(self, id: str) -> None:
        """It is no longer asked for."""
        (self._wishes / id).unlink(missing_ok=True)

    def asked(self) -> set[str]:
        """The sessions that are asked for, whoever has them."""
        with contextlib.suppress(OSError):
            return set(os.listdir(self._wishes))
        return set()
