"""Removes what nobody wants any more: files that are too old, and the oldest ended sessions while all need too much."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from flowbrush.server.store.ages import Ages, steady_s
from flowbrush.server.store.images import ImageStore
from flowbrush.server.store.store import Store, changed_at, size_of


class Cleaning:
    """Looks at everything again and again. What was not there at the last look stays: it may be just being made."""

    def __init__(
        self,
        store: Store,
        images: ImageStore,
        keep_s: float,
        budget: int,
        now: Callable[[], float] | None = None,
        steady: Callable[[], float] = steady_s,
    ) -> None:
        """Keeps files for `keep_s` seconds, and `budget` bytes of sessions. `now`: the clock of the files' system."""
        self._store, self._images = store, images
        self._keep_s, self._budget = keep_s, budget
        self._now, self._steady = now or (lambda: clock_of(store.sessions)), steady
        self._sessions, self._uploads = (Ages(self._now, self._steady) for _ in range(2))

    def run(self, living: set[str]) -> None:
        """Once; sessions that are `living` stay. Blocks."""
        self._clean_sessions(living)
        uploads = {str(path): path for path in self._images.files()}
        ages = self._uploads.look({name: changed_at(path) for name, path in uploads.items()})
        for name, age in ages.items():
            if age > self._keep_s:
                uploads[name].unlink(missing_ok=True)

    def _clean_sessions(self, living: set[str]) -> None:
        folders = {path.name: path for path in self._store.folders()}
        ended = {id for id in folders.keys() - living if self._store.read(id) is not None}
        ages = self._sessions.look(
            {
                id: self._store.written_at(id) if id in ended else changed_at(folders[id])
                for id in folders.keys() - living
            }
        )
        for id in [id for id, age in ages.items() if age > self._keep_s]:
            self._store.remove(id)
            del folders[id], ages[id]
        sizes = {id: sum(map(size_of, path.iterdir())) for id, path in folders.items() if path.exists()}
        used = sum(sizes.values())
        for id in sorted(ended & ages.keys(), key=ages.__getitem__, reverse=True):
            if used <= self._budget:
                break
            self._store.remove(id)
            used -= sizes.get(id, 0)


def clock_of(folder: Path) -> float:
    """The time (seconds since 1970) as the folder's file system has it, which may be another machine's; else this one's."""
    trial = folder / f"clock-{secrets.token_hex(4)}.part"
    try:
        trial.touch()
        return trial.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        trial.unlink(missing_ok=True)
