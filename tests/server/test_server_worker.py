"""A worker's orders, without a process: what goes wrong becomes a message, and costs no slot."""

from __future__ import annotations

import io
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from server_generator import FPS, HEIGHT, WIDTH, Generator, read

from flowbrush.pipelines.requests import StreamSettings
from flowbrush.server.engine import ipc
from flowbrush.server.engine.pictures import Pictures
from flowbrush.server.engine.snapshots import MAX_STUCK, Snapshots, write_whole
from flowbrush.server.engine.still_threads import AT_ONCE, StillThreads
from flowbrush.server.engine.worker import Worker

SETTINGS = StreamSettings("pocket-random", (("p", 1.0),), WIDTH, HEIGHT, FPS)


@pytest.fixture
def sent() -> list[Any]:
    return []


@pytest.fixture
def worker(sent: list[Any]) -> Worker:
    config = ipc.WorkerConfig("server_generator:Generator.load", "pocket-random", "cpu", 2, 1, "info", False)
    made = Worker(SimpleNamespace(send=sent.append))  # type: ignore[arg-type]
    made.load(config)
    sent.clear()
    return made


def kinds(sent: list[Any]) -> list[str]:
    return [type(message).__name__ for message in sent]


def test_a_snapshot_of_other_weights_is_not_taken_up_and_costs_no_slot(
    worker: Worker, sent: list[Any], tmp_path: Path
) -> None:
    worker.obey(ipc.opening("s", 0, SETTINGS, "jpeg", None))
    assert kinds(sent) == ["Opened", "Done"]
    blob = worker._dump(worker._slots["s"].state)
    (tmp_path / "own").write_bytes(blob)
    (tmp_path / "other").write_bytes(b"sha256:1" + blob)
    sent.clear()
    for _ in range(5):
        worker.obey(ipc.opening("s", 1, SETTINGS, "jpeg", str(tmp_path / "other")))
    assert kinds(sent) == ["OpenFailed", "Done"] * 5 and "other weights" in sent[0].message
    assert not sent[0].bad_request, "the settings are not at fault"
    sent.clear()
    worker.obey(ipc.opening("s", 2, SETTINGS, "jpeg", str(tmp_path / "own")))
    worker.obey(ipc.opening("t", 0, SETTINGS, "jpeg", None))
    assert kinds(sent) == ["Opened", "Done"] * 2, "both slots are there"


@pytest.mark.parametrize(
    ("exact_s", "beside", "brief"), [(14.0, False, False), (14.0, True, True), (16.0, False, True)]
)
def test_a_stream_is_taken_up_exactly_unless_others_wait_or_the_order_would_be_taken_for_one_that_hangs(
    sent: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exact_s: float,
    beside: bool,
    brief: bool,
) -> None:
    """An order may last 30 s."""
    taken, restore = list[bool](), Generator.restore
    monkeypatch.setattr(Generator, "restored_in", lambda self, chunk_s: exact_s)
    monkeypatch.setattr(
        Generator, "restore", lambda self, blob, brief=False: taken.append(brief) or restore(self, blob)
    )
    config = ipc.WorkerConfig("server_generator:Generator.load", "pocket-random", "cpu", 2, 1, "info", False)
    worker = Worker(SimpleNamespace(send=sent.append))  # type: ignore[arg-type]
    worker.load(config)
    worker.obey(ipc.opening("s", 0, SETTINGS, "jpeg", None))
    (tmp_path / "s").write_bytes(worker._dump(worker._slots["s"].state))
    if beside:
        worker.obey(ipc.opening("t", 0, SETTINGS, "jpeg", None))
    worker.obey(ipc.opening("s", 1, SETTINGS, "jpeg", str(tmp_path / "s")))
    assert kinds(sent)[-2:] == ["Opened", "Done"] and taken == [brief]


def test_every_order_is_answered_and_ends(worker: Worker, sent: list[Any]) -> None:
    worker.obey(ipc.Step((ipc.StepItem("nobody", 0, 0, ()),)))
    worker.obey(ipc.Rewind("nobody", 0, 0))
    worker.obey(ipc.Probe("nobody", 0, (0.5, 0.5)))
    assert kinds(sent) == ["StreamFailed", "Done", "Rewound", "Done", "Outlined", "Done"]


def test_the_picture_of_every_chunk_that_a_rewind_reaches_is_there(
    worker: Worker, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = 40
    monkeypatch.setattr("server_generator.HISTORY", chunks)
    worker._generator.card.history = chunks

    def still() -> tuple[int, Any]:
        worker.obey(ipc.Still("s", 0, "jpeg"))
        wait_until(lambda: any(isinstance(message, ipc.StillImage) for message in sent))
        (answer,) = [message for message in sent if isinstance(message, ipc.StillImage)]
        sent.clear()
        return answer.frame, answer.payload

    worker.obey(ipc.opening("s", 0, SETTINGS, "jpeg", None))
    for chunk in range(chunks):
        worker.obey(ipc.Step((ipc.StepItem("s", 0, chunk, (), replay_only=True),)))
    sent.clear()
    for epoch, chunk in enumerate(range(chunks - 1, -1, -1)):
        if epoch:
            worker.obey(ipc.Rewind("s", epoch, chunk))
        index, payload = still()
        with Image.open(io.BytesIO(payload)) as picture:
            assert (index, read(np.asarray(picture))[0]) == (4 * chunk + 3, 4 * chunk + 3)


def test_pictures_that_a_rewind_passes_are_forgotten_and_so_are_those_out_of_its_reach() -> None:
    pictures = Pictures(2)
    for index in range(3, 20, 4):
        pictures.add(index, np.full((16, 16, 3), 10 * index, np.uint8))
    pictures.cut(12)
    assert pictures.newest is not None and pictures.newest[0] == 11
    assert int(pictures.newest[1].mean()) == pytest.approx(110, abs=2)
    pictures.cut(11)
    assert pictures.newest is None, "what was there before is out of reach"


def test_a_snapshot_needs_twice_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a disk that others write, too, is no place for what can be made again."""
    for free, kept in ((199, False), (200, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        path = tmp_path / str(free)
        if kept:
            write_whole(str(path), b"x" * 100)
        else:
            with pytest.raises(OSError, match="too little space for 100 bytes"):
                write_whole(str(path), b"x" * 100)
        assert path.exists() == kept


def test_a_snapshot_that_cannot_be_written_leaves_nothing(tmp_path: Path, sent: list[Any]) -> None:
    (tmp_path / "file").write_text("in the way")
    snapshots = Snapshots(sent.append, lambda state: b"x" * 100, limit=1000)
    assert snapshots.fits(1000) and not snapshots.fits(1001)
    for name in ("file/0-1.safetensors", "folder/0-2.safetensors"):
        item = ipc.StepItem("s", 0, 1, (), save=str(tmp_path / name))
        snapshots.offer(item, None)
        while snapshots.busy:
            time.sleep(0.001)
    assert [message.path for message in sent] == [str(tmp_path / "folder/0-2.safetensors")]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0-2.safetensors", "file", "folder"]


def refuse(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_machine_without_another_thread_has_no_still_and_then_one(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stills, picture = StillThreads(sent.append), np.zeros((16, 16, 3), np.uint8)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(AT_ONCE + 1):
            stills.encode(ipc.Still("s", 1, "jpeg"), 7, picture, 16.0)
    assert [message.payload for message in sent] == [None] * (AT_ONCE + 1)
    sent.clear()
    stills.encode(ipc.Still("s", 1, "jpeg"), 7, picture, 16.0)
    wait_until(lambda: bool(sent))
    assert sent[0].frame == 7 and sent[0].payload


def test_a_machine_without_another_thread_loses_a_snapshot_and_no_worker(
    tmp_path: Path, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots = Snapshots(sent.append, lambda state: b"x" * 100, limit=1000)
    item = ipc.StepItem("s", 0, 1, (), save=str(tmp_path / "0-1.safetensors"))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        snapshots.offer(item, None)
    assert not snapshots.busy and not sent
    snapshots.offer(item, None)
    while snapshots.busy:
        time.sleep(0.001)
    assert [message.path for message in sent] == [item.save]


def test_a_disk_that_takes_no_snapshot_is_told_once_until_it_takes_one(
    tmp_path: Path, sent: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each stream tries again every few seconds, on a disk that may hold the log as well."""
    caplog.set_level("INFO")
    (tmp_path / "file").write_text("in the way")
    snapshots = Snapshots(sent.append, lambda state: b"x" * 100, limit=1000)
    for number, folder in enumerate(("file", "file", "file", "folder", "folder", "file")):
        path = str(tmp_path / folder / f"0-{number}.safetensors")
        snapshots.offer(ipc.StepItem("s", 0, number, (), save=path), None)
        while snapshots.busy:
            time.sleep(0.001)
    told = [record.getMessage().split(":")[0] for record in caplog.records]
    no = "stream s"
    assert told == [no, "snapshots can be kept again", no] and len(sent) == 2


def test_a_snapshot_that_hangs_costs_itself_alone(
    worker: Worker, sent: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks go on, the other stream's snapshot is written, and when many hang no more are begun until one is done."""
    snapshots, dump, hanging = worker._snapshots, worker._dump, threading.Event()
    assert snapshots is not None

    def hangs(state: Any) -> bytes:
        if state.settings.seed == 1:
            assert hanging.wait(60)
        return dump(state)

    monkeypatch.setattr(snapshots, "_dump", hangs)
    for seed, stream in ((1, "bad"), (2, "good")):
        settings = StreamSettings("pocket-random", (("p", 1.0),), WIDTH, HEIGHT, FPS, seed)
        worker.obey(ipc.opening(stream, 0, settings, "jpeg", None))

    def step(stream: str, chunk: int) -> str:
        path = str(tmp_path / f"{stream}-{chunk}")
        worker.obey(ipc.Step((ipc.StepItem(stream, 0, chunk, (), save=path),)))
        return path

    for hung in range(MAX_STUCK):
        step("bad", hung)
        assert snapshots.busy, "one at a time, until it is given up"
        snapshots.give_up_after(0.0)
        assert snapshots.busy == (hung + 1 == MAX_STUCK)
        if not snapshots.busy:
            path = step("good", hung)
            wait_until(lambda: not snapshots.busy)
            assert Path(path).exists()
    step("good", MAX_STUCK - 1)
    assert "StepFailed" not in kinds(sent) and kinds(sent).count("Made") == 2 * MAX_STUCK
    hanging.set()
    wait_until(lambda: not snapshots.busy and kinds(sent).count("Saved") == 2 * MAX_STUCK - 1)


def wait_until(condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)
