"""The system's clock is set while the server runs, or was wrong when it started: nothing is lost that should be there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowbrush.protocol import SessionStart
from flowbrush.server.metrics import Metrics
from flowbrush.server.settings import Settings
from flowbrush.server.store.cleaning import Cleaning, clock_of
from flowbrush.server.store.images import ImageStore
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.store import SessionRecord, Store

YEAR, DAY, HOUR = 365 * 86_400.0, 86_400.0, 3600.0
NOW = 1.8e9


class Clocks:
    """One that is set, and one that nobody sets."""

    def __init__(self) -> None:
        self.wall, self.steady = NOW, 500.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


class Folder:
    """A state folder whose files are written by these clocks, and kept for a day."""

    def __init__(self, path: Path, budget: int = 1 << 20) -> None:
        self.clocks = Clocks()
        self.store = Store(path, path / "snapshots")
        self.images = ImageStore(path / "images", 1 << 20, 1e6)
        self._path, self._budget = path, budget
        self.start()

    def start(self) -> None:
        """A new process."""
        wall, steady = (lambda: self.clocks.wall), (lambda: self.clocks.steady)
        self._cleaning = Cleaning(self.store, self.images, DAY, self._budget, wall, steady)
        self.look()

    def look(self) -> None:
        self._cleaning.run(set())

    def write(self, name: str) -> None:
        """A session that ended, and an upload."""
        upload = self._path / "images" / f"{name}.png"
        self.store.write(record(name, self.clocks.wall))
        self.store.journal(name).write_text("[]\n")
        upload.parent.mkdir(exist_ok=True)
        upload.touch()
        for file in (upload, self.store.journal(name)):
            os.utime(file, (self.clocks.wall, self.clocks.wall))

    def there(self) -> list[str]:
        sessions = sorted(path.name for path in self.store.folders())
        assert sessions == sorted(path.stem for path in self.images.files()), "uploads are kept as long"
        return sessions


def record(id: str, created: float) -> SessionRecord:
    return SessionRecord(
        id=id, token_hash=id, model="pocket-random", start=SessionStart(prompt="a cat"), width=64, height=64,
        fps=16, chunk_frames=4, codec="jpeg", codec_string="", created=created, ended="stopped",
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_files_go_when_their_time_is_over(folder: Folder) -> None:
    folder.write("first")
    for _ in range(24):
        folder.look()
        folder.clocks.pass_(HOUR)
    folder.write("second")
    folder.look()
    assert folder.there() == ["first", "second"]
    folder.clocks.pass_(1.0)
    folder.look()
    assert folder.there() == ["second"]


@pytest.mark.parametrize("step", [YEAR, -YEAR, 30 * YEAR])
def test_a_step_of_the_clock_makes_nothing_older_and_keeps_nothing_for_ever(
    folder: Folder, step: float
) -> None:
    """What was written before it, in the moment before, and after."""
    folder.write("before")
    folder.look()
    folder.clocks.pass_(600.0)
    folder.write("just before")
    folder.clocks.wall += step
    folder.write("after")
    for _ in range(3):
        folder.look()
        folder.clocks.pass_(HOUR)
    assert folder.there() == ["after", "before", "just before"]
    folder.clocks.pass_(DAY)
    folder.look()
    assert folder.there() == []


def test_a_clock_that_is_wrong_at_the_start_and_right_soon_costs_nothing(folder: Folder) -> None:
    folder.write("early")
    folder.clocks.pass_(HOUR)
    folder.clocks.wall += YEAR
    folder.start()
    folder.clocks.wall -= YEAR
    folder.clocks.pass_(600.0)
    folder.look()
    assert folder.there() == ["early"]


def test_files_of_the_future_go_a_day_after_they_were_seen(folder: Folder) -> None:
    """Their clock was ahead: an account whose uploads they are has room for others again."""
    folder.clocks.wall += 4 * YEAR
    folder.write("ahead")
    folder.clocks.wall -= 4 * YEAR
    folder.start()
    folder.clocks.pass_(DAY)
    folder.look()
    assert folder.there() == ["ahead"]
    folder.clocks.pass_(1.0)
    folder.look()
    assert folder.there() == []


def test_the_oldest_go_first_where_there_is_too_much_whatever_the_clock_said(tmp_path: Path) -> None:
    folder = Folder(tmp_path, budget=600)
    folder.write("older")
    folder.look()
    folder.clocks.wall -= YEAR
    folder.clocks.pass_(60.0)
    folder.write("newer")
    (folder.store.folder("newer") / "recording.mp4").write_bytes(bytes(100))
    used = sum(file.stat().st_size for each in folder.store.folders() for file in each.iterdir())
    assert 600 < used < 1200
    for _ in range(2):
        folder.look()
        folder.clocks.pass_(60.0)
    assert [path.name for path in folder.store.folders()] == ["newer"]


def test_a_session_waits_for_its_client_whatever_the_clock_says_at_the_next_start(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, state_dir=tmp_path, model="pocket-random", record=False)  # type: ignore[call-arg]
    store = Store(tmp_path, tmp_path / "snapshots")
    store.write(record("lived", NOW).model_copy(update={"ended": None}))
    store.journal("lived").write_text("[]\n")
    os.utime(store.journal("lived"), (1.0, 1.0))
    (live,) = SessionRepository(settings, store, Metrics()).stored()
    assert live.id == "lived" and store.read("lived").ended is None  # type: ignore[union-attr]


def test_the_time_of_a_folder_is_that_of_its_file_system(tmp_path: Path) -> None:
    there = clock_of(tmp_path)
    (tmp_path / "file").touch()
    assert 0.0 <= (tmp_path / "file").stat().st_mtime - there < 60.0
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert clock_of(tmp_path / "not there") > 1.7e9
