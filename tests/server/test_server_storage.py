"""A disk that hangs: who needs it hears that, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from raw_client import RawClient
from running_server import HERE, ROOT, RunningServer, wait_for
from test_server_rest import status_of

from flowbrush.server import first_reading
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.settings import Settings
from flowbrush.server.store.storage import WAITING, Storage, StorageLate

SOON_S = 0.05


@pytest.fixture
def hanging() -> Any:
    """What hangs until it is set."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_lane_keeps_its_order_and_what_hangs_holds_up_no_other(hanging: threading.Event) -> None:
    """And what was given up before it was begun is never done."""
    storage, done = Storage(threads=2, late_s=SOON_S), list[Any]()
    late = asyncio.Event()
    storage.submit("stuck", hanging.wait, lambda result, error: done.append("first"), late.set)
    storage.submit("stuck", lambda: done.append("second"))
    assert await storage.run("other", lambda: 7) == 7
    await late.wait()
    with pytest.raises(StorageLate, match="has not answered"):
        await storage.run("stuck", lambda: done.append("given up"))
    assert done == [] and storage.lanes == {"stuck"}
    hanging.set()
    await storage.settled("stuck", 60.0)
    assert sorted(done) == ["first", "second"]  # what was given up, before it was begun, is not done


async def test_it_hangs_when_it_answers_nobody(hanging: threading.Event) -> None:
    storage = Storage(late_s=SOON_S)
    assert not storage.hangs
    storage.submit("stuck", hanging.wait)
    await asyncio.to_thread(wait_for, lambda: storage.hangs)
    await asyncio.to_thread(wait_for, lambda: storage.silent_s > 2.0)
    await storage.run("other", lambda: None)
    await asyncio.to_thread(wait_for, lambda: storage.silent_s < 2.0)  # somebody was answered meanwhile
    hanging.set()
    await storage.drained(60.0)
    assert storage.silent_s == 0.0


@pytest.mark.parametrize(("waited_s", "late"), [(3.0, False), (8.0, True)])
async def test_who_waits_hears_within_some_seconds_and_no_slow_disk_is_called_dead(
    hanging: threading.Event, monkeypatch: pytest.MonkeyPatch, waited_s: float, late: bool
) -> None:
    """A disk that has slept takes seconds to turn again."""
    storage, heard, loop = Storage(), list[str](), asyncio.get_running_loop()
    storage.submit("stuck", hanging.wait, late=lambda: heard.append("late"))
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now + waited_s)
    for _ in range(3):
        await asyncio.sleep(0)
    monkeypatch.undo()
    assert heard == ["late"] * late


async def test_what_waits_in_a_lane_is_bounded(hanging: threading.Event) -> None:
    storage = Storage(late_s=60.0)
    for _ in range(WAITING):
        storage.submit("stuck", hanging.wait)
    with pytest.raises(StorageLate, match=f"{WAITING} calls wait"):
        storage.submit("stuck", hanging.wait)
    storage.submit("stuck", hanging.wait, always=True)


async def test_the_bound_of_a_lane_is_some_seconds_of_a_session_and_no_memory(
    hanging: threading.Event,
) -> None:
    """What a session writes in two seconds must find room, and of what a disk keeps waiting for ever there is little."""
    storage, taken = Storage(late_s=60.0), 0
    with pytest.raises(StorageLate):
        while taken < 300:
            storage.submit("stuck", hanging.wait)
            taken += 1
    assert 16 <= taken <= 256


async def test_more_that_hangs_than_there_are_threads_is_late_and_no_more(hanging: threading.Event) -> None:
    storage = Storage(threads=2, late_s=SOON_S)
    for lane in range(5):
        storage.submit(str(lane), hanging.wait)
    with pytest.raises(StorageLate):
        await storage.run("other", lambda: None)
    hanging.set()
    await storage.drained(60.0)
    assert storage.lanes == set() and await storage.run("other", lambda: 1) == 1


async def test_a_failure_is_told_and_blocks_are_read_as_they_are_wanted() -> None:
    storage = Storage()
    with pytest.raises(FileNotFoundError):
        await storage.run("a", partial(os.stat, "/nowhere/at/all"))
    read = list[int]()
    stream = storage.stream("a", (read.append(n) or n for n in range(3)))  # type: ignore[func-returns-value]
    assert [await anext(stream), read] == [0, [0]]
    await stream.aclose()
    await storage.settled("a")


def on_a_disk_that_hangs(flag: Path) -> dict[str, str]:
    """Settings of a server whose disk hangs while the file `flag` is there."""
    path = os.pathsep.join(map(str, (HERE / "hanging_disk", ROOT, HERE)))
    return {"TEST_DISK_HANGS": str(flag), "PYTHONPATH": path}


async def test_a_server_whose_disk_hangs_goes_on(make_server: Any, tmp_path: Path) -> None:
    flag = tmp_path / "hangs"
    server: RunningServer = make_server(**on_a_disk_that_hangs(flag), FLOWBRUSH_DRAIN_S="1")
    async with RawClient(server.url) as one, RawClient(server.url) as other:
        ended = await _ended(server)
        for client in (one, other):
            await client.start()
            await client.count(4)
        flag.touch()
        try:
            await _goes_on_without_disk(server, one, other, ended)
        finally:
            flag.unlink()
        await one.message("notice", code="log_resumed")
        await asyncio.to_thread(wait_for, lambda: status_of(f"{server.url}/readyz")[0] == 200)
        await one.send(type="session.stop")
        done = await one.message("session.done")
        log = json.loads(server.get(f"/v1/sessions/{one.messages[0]['session']}/log"))
        assert log["chunks"] == done["chunks"] and [each["type"] for each in log["controls"]] == [
            "prompt.set"
        ]
        flag.touch()
        await other.count(len(other.packets) + 4)
        assert await asyncio.to_thread(server.stop, signal.SIGTERM) == 0


async def _ended(server: RunningServer) -> str:
    """A session that is over."""
    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.send(type="session.stop")
        await client.message("session.done")
    return ready["session"]


async def _goes_on_without_disk(server: RunningServer, one: RawClient, other: RawClient, ended: str) -> None:
    await one.send(type="prompt.set", id=1, prompts=[{"text": "later", "weight": 1}])
    reading = asyncio.create_task(asyncio.to_thread(status_of, f"{server.url}/v1/sessions/{ended}/log"))
    async with RawClient(server.url) as newcomer:
        await newcomer.send(type="session.start", model="pocket-random", prompt="late")
        error = await newcomer.message("error")
    assert error["retryable"] and "the disk has not answered" in error["message"]
    await one.message("notice", code="log_delayed")
    for client in (one, other):
        await client.count(len(client.packets) + 24)
    status, body = await reading
    assert status == 503 and b"the disk has not answered" in body
    status, body = await asyncio.to_thread(status_of, f"{server.url}/readyz")
    assert status == 503 and "no answer" in json.loads(body)["storage"]
    assert server.json("/healthz")["status"] == "ok"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_server_whose_disk_hangs_as_it_starts_can_be_stopped(
    make_server: Any, tmp_path: Path, sig: signal.Signals
) -> None:
    flag = tmp_path / "hangs"
    flag.touch()
    server: RunningServer = make_server(wait=False, **on_a_disk_that_hangs(flag))
    wait_for(flag.with_suffix(".met").exists, 60.0)
    assert server.stop(sig) == 0
    assert f"stopped by {sig.name} before it served" in server.log.read_text()


def test_a_folder_that_does_not_answer_is_given_up_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.toml"
    os.mkfifo(keys)  # nobody writes: whoever opens it waits
    monkeypatch.setattr(first_reading, "READING_S", SOON_S)
    settings = Settings(state_dir=tmp_path / "state", runtime_dir=tmp_path / "run", keys_file=keys)
    with pytest.raises(
        first_reading.Unusable, match=r"state cannot be used: it has not answered for 0\.05 s"
    ):
        first_reading.opened(settings, LocalEngine())
    keys.write_bytes(b"")  # lets the thread go
