"""Snapshots in memory: kept for the next server of their state folder, and for nobody else."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowbrush.protocol import SessionStart
from flowbrush.server import settings as settings_module
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.first_reading import opened
from flowbrush.server.metrics import Metrics
from flowbrush.server.settings import Settings
from flowbrush.server.store import in_memory
from flowbrush.server.store.journal import Journal
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.store import SessionRecord, Store


def left_by(name: str, memory: Path, states: Path) -> Path:
    """A folder of snapshots whose server was killed; its state folder is there."""
    snapshots = memory / name
    Store(states / name, snapshots)
    (snapshots / "some-session").mkdir()
    (snapshots / "some-session" / "0-7.safetensors").write_bytes(b"pictures")
    return snapshots


def test_those_of_a_state_folder_that_is_gone_are_removed(tmp_path: Path) -> None:
    memory, states = tmp_path / "memory", tmp_path / "states"
    kept, gone, other = (left_by(name, memory, states) for name in ("us-1", "us-2", "them-3"))
    for name in ("us-2", "them-3"):
        shutil.rmtree(states / name)
    (memory / "us-4").mkdir()  # of a version that left no mark
    (memory / "us-5").symlink_to(tmp_path)
    assert in_memory.remove_abandoned(memory, "us-") == [gone]
    assert sorted(path.name for path in memory.iterdir()) == ["them-3", "us-1", "us-4", "us-5"]
    assert kept.joinpath("some-session", "0-7.safetensors").exists() and other.exists()


def test_a_state_folder_whose_name_is_no_utf_8_has_snapshots_too(tmp_path: Path) -> None:
    state = tmp_path / os.fsdecode(b"caf\xe9")
    memory = Settings(state_dir=state, model="pocket").snapshots_dir
    Store(state, tmp_path / "memory" / "us-1").close()
    (tmp_path / "memory" / "us-1" / "some-session").mkdir(parents=True)
    in_memory.mark(tmp_path / "memory" / "us-1", state)
    assert in_memory.remove_abandoned(tmp_path / "memory", "us-") == [] and memory.name
    shutil.rmtree(state)
    assert in_memory.remove_abandoned(tmp_path / "memory", "us-") == [tmp_path / "memory" / "us-1"]


def test_a_server_starts_without_room_for_its_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        path.write_text(data[:4].decode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    Store(tmp_path / "state", tmp_path / "memory" / "us-1")
    assert list((tmp_path / "memory" / "us-1").iterdir()) == []
    assert in_memory.remove_abandoned(tmp_path / "memory", "us-") == []


@pytest.mark.parametrize(("writable", "where"), [(True, "memory"), (False, "state")])
def test_memory_that_cannot_be_written_to_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: bool, where: str
) -> None:
    """As a container's may be, whose file system is mounted for reading alone: its server did not start."""
    monkeypatch.setattr(settings_module, "TMPFS", tmp_path / "memory")
    monkeypatch.setattr(os, "access", lambda path, mode: writable and mode == os.W_OK)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 << 40))
    folder = Settings(_env_file=None, state_dir=tmp_path / "state", model="pocket").snapshots_dir
    assert folder.parent == tmp_path / where


def test_a_folder_that_takes_no_files_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no stream would have a snapshot, and nobody would know before a worker is lost."""

    def forbidden(path: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", forbidden)
    with pytest.raises(PermissionError, match="memory"):
        Store(tmp_path / "state", tmp_path / "memory")


def test_a_state_folder_of_another_user_that_takes_files_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a volume that belongs to root and to the server's group."""

    def forbidden(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", forbidden)
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "memory")
    opened(settings, LocalEngine()).state.context.service.store.close()


def test_a_server_that_ends_leaves_no_folder_without_snapshots(tmp_path: Path) -> None:
    for with_snapshots in (False, True):
        store = Store(tmp_path / "state", tmp_path / "memory")
        (tmp_path / "memory" / "ended-session").mkdir()
        if with_snapshots:
            (tmp_path / "memory" / "some-session").mkdir()
            (tmp_path / "memory" / "some-session" / "0-0.safetensors").touch()
        store.close()
        assert (tmp_path / "memory").exists() == with_snapshots


def test_a_snapshot_that_came_as_its_session_ended_is_gone_with_the_next_server(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "memory", model="pocket")
    store = Store(settings.state_dir, settings.snapshots_dir)
    for id, ended in (("over", "stopped"), ("lives", None)):
        start = SessionStart(prompt="a cat", seed=1)
        record = SessionRecord(
            id=id, token_hash=id, start=start, model="pocket", weights="", width=320, height=192, fps=16.0,
            chunk_frames=4, codec="jpeg", codec_string="", created=0.0, ended=ended,
        )  # fmt: skip
        store.write(record)
        store.journal(id).write_text("[]\n")
        store.snapshot(id, 0, 0).parent.mkdir()
        store.snapshot(id, 0, 0).write_bytes(b"pictures")
    (live,) = SessionRepository(settings, store, Metrics()).stored()
    assert live.id == "lives" and store.snapshot("lives", 0, 0).exists()
    assert not store.snapshot("over", 0, 0).parent.exists()


def test_of_two_snapshots_of_a_chunk_the_later_one_is_taken(tmp_path: Path) -> None:
    """Epochs are numbers; what is half-written is none."""
    store = Store(tmp_path, tmp_path / "snapshots")
    for name in ("9-3.safetensors", "10-3.safetensors", "10-5.safetensors.part"):
        (tmp_path / "snapshots" / "id").mkdir(exist_ok=True)
        (tmp_path / "snapshots" / "id" / name).touch()
    assert store.snapshots("id") == {3: (10, str(store.snapshot("id", 10, 3)))}


def kept(folder: Path) -> set[str]:
    """The snapshots that a server finds usable as it takes the session of that folder up, and those that it leaves there."""
    settings = Settings(state_dir=folder / "state", runtime_dir=folder / "memory", model="pocket")
    store = Store(settings.state_dir, settings.snapshots_dir)
    try:
        (live,) = SessionRepository(settings, store, Metrics()).stored()
        usable = {Path(path) for path in live.session.history.snapshots.values()}
        assert {*store.snapshot("id", 0, 0).parent.iterdir()} == usable
        live.close_files()
    finally:
        store.close()
    return {path.name.removesuffix(".safetensors") for path in usable}


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The folders of a server that was killed: one session, whose journal is empty."""
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "memory", model="pocket")
    store = Store(settings.state_dir, settings.snapshots_dir)
    record = SessionRecord(
        id="id", token_hash="id", start=SessionStart(prompt="a cat", seed=1), model="pocket", weights="", width=320,
        height=192, fps=16.0, chunk_frames=4, codec="jpeg", codec_string="", created=0.0,
    )  # fmt: skip
    store.write(record)
    store.close()
    return tmp_path


def save(folder: Path, *names: str) -> None:
    snapshots = folder / "memory" / "id"
    snapshots.mkdir(parents=True, exist_ok=True)
    for name in names:
        (snapshots / f"{name}.safetensors").write_bytes(b"pictures")


def test_a_snapshot_from_before_a_rewind_does_not_come_back(killed: Path) -> None:
    """It came after the rewind, and the server was killed before it had removed it; the stream has long passed that chunk again."""
    journal = Journal(killed / "state" / "sessions" / "id" / "journal.jsonl")
    journal.replace(0, [()] * 24, 0)
    save(killed, "0-7", "0-15", "0-23")
    journal.truncate(10)
    journal.replace(10, [()] * 4, 1)
    journal.replace(14, [()] * 16, 2)  # a worker was lost
    save(killed, "2-21", "2-29")
    journal.close()
    assert kept(killed) == {"0-7", "2-21", "2-29"}


def test_nor_one_of_which_the_log_was_cut_as_the_server_was_killed(killed: Path) -> None:
    path = killed / "state" / "sessions" / "id" / "journal.jsonl"
    journal = Journal(path)
    journal.replace(0, [()] * 24, 3)
    save(killed, "3-7", "3-23")
    journal.truncate(10)
    journal.close()
    assert kept(killed) == {"3-7"}
    save(killed, "3-23")  # the disk hung
    again = Journal(path)  # the next process
    again.replace(10, [()] * 20, 4)
    again.close()
    save(killed, "4-15")
    assert kept(killed) == {"3-7", "4-15"}


def test_epochs_grow_from_process_to_process_without_any_snapshot(killed: Path) -> None:
    journal = Journal(killed / "state" / "sessions" / "id" / "journal.jsonl")
    journal.replace(0, [()] * 3, 7)
    journal.close()
    settings = Settings(state_dir=killed / "state", runtime_dir=killed / "memory", model="pocket")
    store = Store(settings.state_dir, settings.snapshots_dir)
    (live,) = SessionRepository(settings, store, Metrics()).stored()
    assert live.session.epoch == 8
    live.close_files()
    store.close()


def test_what_a_lost_worker_left_goes_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path, tmp_path / "snapshots")
    folder = tmp_path / "snapshots" / "id"
    folder.mkdir()
    names = ("0-3", "1-7", "1-11", "2-11")
    for name in (
        *(f"{each}.safetensors" for each in names),
        "1-15.safetensors.part",
        "2-15.safetensors.part",
    ):
        (folder / name).touch()
    store.tidy_snapshots(
        "id", frozenset({str(folder / "0-3.safetensors"), str(folder / "1-7.safetensors")}), 2
    )
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["0-3.safetensors", "1-7.safetensors", "2-11.safetensors", "2-15.safetensors.part"]
    store.tidy_snapshots("not there", frozenset(), 2)
