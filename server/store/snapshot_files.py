"""The files of snapshots, removed in lanes of their own: they lie elsewhere than a session's other files and hang by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from flowbrush.server.store.storage import Storage
from flowbrush.server.store.store import Store


class SnapshotFiles:
    """Used from the event loop."""

    def __init__(self, store: Store, storage: Storage) -> None:
        """`storage` is for them alone."""
        self._store, self._storage = store, storage

    def path(self, session: str, epoch: int, chunk: int) -> str:
        """Where the state after `chunk` goes."""
        return str(self._store.snapshot(session, epoch, chunk))

    def remove(self, session: str, paths: Iterable[str]) -> None:
        """These are of no use. Raises StorageLate where too much waits for the disk."""
        for path in paths:
            self._storage.submit(session, partial(self._store.unlink, path))

    def tidy(self, session: str, kept: tuple[str, ...], before_epoch: int) -> None:
        """All others of earlier epochs go, and what is half-written of them. Raises StorageLate."""
        self._storage.submit(
            session, partial(self._store.tidy_snapshots, session, frozenset(kept), before_epoch)
        )

    def drop(self, session: str) -> None:
        """The session needs its snapshots no more."""
        self._storage.submit(session, lambda: self._store.drop_snapshots(session), always=True)

    async def drained(self, within_s: float) -> None:
        """Waits until all of that is done, but no longer than that."""
        await self._storage.drained(within_s)
