"""What is done with files, each part alone: how old they are, what somebody removed, whether anything can be written."""

from __future__ import annotations

import asyncio
import errno
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowbrush.server.store.ages import Ages
from flowbrush.server.store.keep_image import BAD, NOT_KEPT
from flowbrush.server.store.kept_files import KeptFiles
from flowbrush.server.store.put_back import BLOCK, put_back, taken_away
from flowbrush.server.store.storage import Storage, StorageLate
from flowbrush.server.store.trial import Trial

# ---- ages


class Clocks:
    """The system's clock, which may be set, and one that nobody sets."""

    def __init__(self) -> None:
        self.now, self.steady = 1_000_000.0, 50.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def ages(clocks: Clocks) -> Ages:
    return Ages(lambda: clocks.now, lambda: clocks.steady)


def test_a_file_is_as_old_as_its_time_says_once_it_was_seen_twice(clocks: Clocks, ages: Ages) -> None:
    times = {"a": clocks.now - 30.0}
    assert ages.look(times) == {}, "it may be somebody's who is just making it"
    clocks.pass_(10.0)
    assert ages.look(times) == {"a": 40.0}
    assert ages.look({}) == {} and ages.look(times) == {}, "one that was gone is new"


@pytest.mark.parametrize("step", [86_400.0, -86_400.0])
def test_a_clock_that_is_set_makes_no_file_older(clocks: Clocks, ages: Ages, step: float) -> None:
    times = {"a": clocks.now - 30.0}
    ages.look(times)
    clocks.now += step
    clocks.pass_(10.0)
    assert ages.look(times)["a"] == pytest.approx(40.0)
    clocks.pass_(5.0)
    assert ages.look(times)["a"] == pytest.approx(45.0)


def test_a_clock_that_was_ahead_and_is_put_right_makes_a_file_as_young_as_it_is(
    clocks: Clocks, ages: Ages
) -> None:
    times = {"a": clocks.now - 30.0}
    clocks.now += 86_400.0
    ages.look(times)
    clocks.pass_(1.0)
    assert ages.look(times) == {"a": pytest.approx(86_431.0)}
    clocks.now -= 86_400.0
    assert ages.look(times) == {"a": pytest.approx(31.0)}


def test_a_file_that_comes_after_a_clock_was_set_forward_is_no_older_than_the_last_look(
    clocks: Clocks, ages: Ages
) -> None:
    ages.look({})
    clocks.pass_(2.0)
    written = clocks.now
    clocks.now += 86_400.0
    ages.look({"a": written})
    clocks.pass_(1.0)
    assert ages.look({"a": written})["a"] <= 3.0


def test_a_file_that_is_written_again_is_new_again(clocks: Clocks, ages: Ages) -> None:
    ages.look({"a": clocks.now - 100.0})
    clocks.pass_(1.0)
    ages.look({"a": clocks.now})
    clocks.pass_(4.0)
    assert ages.look({"a": clocks.now - 4.0}) == {"a": pytest.approx(4.0)}


# ---- what somebody removed


def written(path: Path, data: bytes) -> io.BufferedRandom:
    file = open(path, "a+b")
    file.write(data)
    file.flush()
    return file


@pytest.mark.parametrize(
    "how",
    ["removed", "replaced", "replaced by one as large", "moved, and another one came", "with its folder"],
)
def test_what_was_taken_away_is_put_back_whole_and_goes_on(tmp_path: Path, how: str) -> None:
    path, data = tmp_path / "session" / "recording.mp4", os.urandom(2 * BLOCK + 7)
    path.parent.mkdir()
    file = written(path, data)
    assert not taken_away(file, path)
    if how.startswith("replaced"):
        (tmp_path / "other").write_bytes(bytes(len(data)) if how.endswith("large") else b"another")
        os.replace(tmp_path / "other", path)
    elif how.startswith("moved"):
        path.rename(tmp_path / "moved")
        path.write_bytes(b"another")
    elif how == "removed":
        path.unlink()
    else:
        path.parent.rename(tmp_path / "moved")
    assert taken_away(file, path)
    again = put_back(file, path)
    again.write(b"more")
    again.flush()
    assert path.read_bytes() == data + b"more" and file.closed
    assert [each.name for each in path.parent.iterdir()] == ["recording.mp4"], "nothing half-written stays"
    again.close()


def test_a_file_that_was_cut_where_it_stands_is_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "recording.mp4"
    with written(path, b"pictures") as file:
        os.truncate(path, 3)
        assert not taken_away(file, path)


def test_where_it_cannot_be_put_back_the_open_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "recording.mp4"
    file = written(path, b"pictures")
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        put_back(file, path)
    file.write(b" more")
    file.flush()
    path.rmdir()
    put_back(file, path).close()
    assert path.read_bytes() == b"pictures more"


async def test_files_are_looked_at_in_turn_with_what_is_written_and_not_of_a_session_that_is_closed() -> None:
    lives: Any = {id: SimpleNamespace(id=id, closed=id == "closed") for id in ("idle", "closed", "busy")}
    looked: list[str] = []

    def keeping(live: Any) -> Callable[[], None]:
        return lambda: looked.append(live.id)

    storage = Storage()
    writing = asyncio.Event()
    loop = asyncio.get_running_loop()
    storage.submit("busy", lambda: asyncio.run_coroutine_threadsafe(writing.wait(), loop).result(10))
    kept = KeptFiles(lives, keeping, storage)
    kept.look()
    await storage.settled("idle")
    assert looked == ["idle"], "what is under way goes first"
    writing.set()
    await kept.settled("busy")
    assert looked == ["idle", "busy"], "who reads it waits until it is there again"
    await kept.settled("closed")
    await kept.settled("nobody's")
    assert looked == ["idle", "busy"]


# ---- whether anything can be written


async def test_a_disk_that_takes_nothing_is_said_once_and_so_is_its_recovery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes: list[Exception | None] = [
        None,
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("a reason without a number"),
        StorageLate("the disk has not answered for 5 s"),
        None,
        None,
    ]
    left = iter(outcomes)

    def write() -> None:
        if (outcome := next(left)) is not None:
            raise outcome

    trial, refused = Trial(Storage(), write), []
    with caplog.at_level(logging.INFO, "flowbrush"):
        for _ in outcomes:
            await trial.make()
            refused.append(trial.refused)
    late = "the disk has not answered for 5 s"
    assert refused == ["", "No space left on device", "a reason without a number", late, "", ""]
    assert [record.getMessage() for record in caplog.records] == [
        "no session could have files: No space left on device",
        "sessions can have files again",
    ]


# ---- the process that keeps a picture


def keep(target: Path, data: bytes, pixels: float = 1e6) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "flowbrush.server.store.keep_image", str(target), str(pixels)]
    return subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)


def test_a_picture_is_kept_as_png_whatever_it_was(tmp_path: Path) -> None:
    colours = np.zeros((40, 60, 3), np.uint8)
    colours[:, 30:] = (250, 120, 10)
    encoded = io.BytesIO()
    Image.fromarray(colours).save(encoded, "WEBP", lossless=True)
    assert keep(tmp_path / "a.part", encoded.getvalue()).returncode == 0
    with Image.open(tmp_path / "a.part") as kept:
        assert kept.format == "PNG" and np.array_equal(np.asarray(kept), colours)


def test_what_is_no_picture_and_what_cannot_be_written_are_told_apart(tmp_path: Path) -> None:
    bad = keep(tmp_path / "a.part", b"no picture")
    assert bad.returncode == BAD and bad.stdout and not bad.stderr and not (tmp_path / "a.part").exists()
    encoded = io.BytesIO()
    Image.new("RGB", (20, 20)).save(encoded, "PNG")
    large = keep(tmp_path / "a.part", encoded.getvalue(), pixels=399)
    assert large.returncode == BAD and b"20" in large.stdout
    nowhere = keep(tmp_path / "gone" / "a.part", encoded.getvalue())
    assert nowhere.returncode == NOT_KEPT and nowhere.stderr == b"No such file or directory"
