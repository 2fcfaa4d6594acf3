"""A worker's orders, without a process: what goes wrong becomes a message, and costs no slot."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from server_generator import FPS, HEIGHT, WIDTH

from flowbrush.pipelines.requests import StreamSettings
from flowbrush.server.engine import ipc
from flowbrush.server.engine.snapshots import MAX_STUCK, Snapshots
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


def test_every_order_is_answered_and_ends(worker: Worker, sent: list[Any]) -> None:
    worker.obey(ipc.Step((ipc.StepItem("nobody", 0, 0, ()),)))
    worker.obey(ipc.Rewind("nobody", 0, 0))
    worker.obey(ipc.Probe("nobody", 0, (0.5, 0.5)))
    assert kinds(sent) == ["StreamFailed", "Done", "Rewound", "Done", "Outlined", "Done"]


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
