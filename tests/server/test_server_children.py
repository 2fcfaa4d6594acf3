"""Signals reach every process of a group: what the server started leaves them to it, which may hear them later."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_client import RawClient
from running_server import ROOT, RunningServer, wait_for
from websockets.exceptions import ConnectionClosed

from flowbrush.server.children import deaf_to_the_group

SAY_MASK = """
import signal
print(*sorted(each.name for each in signal.pthread_sigmask(signal.SIG_BLOCK, ()) if each in (signal.SIGINT, signal.SIGTERM)))
"""
WORKER = """
import os, queue, signal
from flowbrush.server.engine import ipc
from flowbrush.server.engine.local import Process

def told():
    for each in (signal.SIGINT, signal.SIGTERM):
        os.kill(int(process.where.split()[1]), each)

def received(message):
    heard.put(message)
    return True

if __name__ == "__main__":
    process, heard = Process(), queue.SimpleQueue()
    told()
    config = ipc.WorkerConfig("not_there:load", "pocket-random", "cpu", 1, 1, "info", False)
    process.begin("worker", config, received, heard.put)
    told()
    while not isinstance(message := heard.get(timeout=60), (ipc.LoadFailed, str)):
        pass
    print(message)
"""
AT_THE_END = """
import sys, time
from flowbrush.server.engine.local import Process
if __name__ == "__main__":
    process = Process()
    print(process.where.split()[1], flush=True)
    time.sleep(float(sys.argv[1]))
"""


def test_a_process_is_deaf_from_its_first_instruction_on() -> None:
    def mask() -> str:
        return subprocess.run([sys.executable, "-c", SAY_MASK], capture_output=True, text=True).stdout.strip()

    with deaf_to_the_group():
        inside = mask()
    assert (inside, mask()) == ("SIGINT SIGTERM", "")


def test_beginnings_that_overlap_leave_the_server_hearing() -> None:
    def blocked() -> bool:
        both = {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert len(both) in (0, 2)
        return bool(both)

    first, second = deaf_to_the_group(), deaf_to_the_group()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blocked(), "the second process is still being started"
    second.__exit__(None, None, None)
    assert not blocked()


def run(tmp_path: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "start.py"
    file.write_text(script)
    return subprocess.run(
        [sys.executable, str(file), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_a_worker_leaves_signals_to_its_server_from_the_beginning(tmp_path: Path) -> None:
    """Also the first of its server. It comes to where it finds that its loader is not there."""
    done = run(tmp_path, WORKER)
    assert "LoadFailed" in done.stdout and "not_there" in done.stdout, done.stdout + done.stderr


def test_a_process_that_nobody_ended_goes_with_its_server(tmp_path: Path) -> None:
    """It leaves SIGTERM to it, which is what multiprocessing sends as it exits."""
    done = run(tmp_path, AT_THE_END, "3.0")
    assert not psutil.pid_exists(int(done.stdout)), done.stderr


def test_ctrl_c_does_not_wait_for_a_model_that_is_being_loaded(make_server: Any, tmp_path: Path) -> None:
    loading = tmp_path / "loading"
    server: RunningServer = make_server(
        wait=False,
        FLOWBRUSH_LOADER="server_slow_load:load",
        TEST_LOADING=str(loading),
        FLOWBRUSH_DRAIN_S="600",
    )
    wait_for(loading.exists, 60.0)
    assert server.stop(signal.SIGINT) == 0
    assert "Traceback" not in server.log.read_text()


async def test_sigterm_of_the_whole_group_loses_no_worker(make_server: Any) -> None:
    """As systemd stops a service: its workers hear it, too."""
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        os.killpg(server.process.pid, signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await client.receive()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
    assert await asyncio.to_thread(server.stop) == 0
    log = server.log.read_text()
    assert "is lost" not in log and "worker-1" not in log, log
    assert not [each for each in client.messages if each["type"] == "session.recovering"]


async def test_a_worker_that_gets_sigterm_long_before_its_server_makes_chunks_meanwhile(
    make_server: Any,
) -> None:
    """However busy the machine is."""
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGTERM)
        await client.count(40)
        assert await asyncio.to_thread(server.stop) == 0
    assert [packet.frame for packet in client.packets] == list(range(len(client.packets)))
    assert not [each for each in client.messages if each["type"] == "session.recovering"]
    assert not psutil.pid_exists(worker)


async def test_ctrl_c_twice_ends_it_at_once_and_quietly(make_server: Any) -> None:
    server: RunningServer = make_server()
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)
        os.killpg(server.process.pid, signal.SIGINT)
        await asyncio.to_thread(wait_for, lambda: "telling 1 sessions" in server.log.read_text())
        os.killpg(server.process.pid, signal.SIGINT)
        assert await asyncio.to_thread(server.process.wait, 30) == 0
    said = server.log.read_text()
    assert "Traceback" not in said and "is lost" not in said, said
