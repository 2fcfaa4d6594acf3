"""Signals reach every process of a group: what the server started leaves Ctrl-C to it, and is not missed where SIGTERM ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from raw_client import RawClient
from running_server import ROOT, RunningServer, wait_for
from websockets.exceptions import ConnectionClosed

from flowbrush.server.children import deaf_to_ctrl_c

SAY_MASK = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
WORKER = """
from pathlib import Path
from flowbrush.server.engine.local import Process
if __name__ == "__main__":
    process = Process()
    print(Path(f"/proc/{process.where.split()[1]}/status").read_text())
    process.kill()
"""


def test_a_process_is_deaf_from_its_first_instruction_on() -> None:
    def mask() -> str:
        return subprocess.run([sys.executable, "-c", SAY_MASK], capture_output=True, text=True).stdout.strip()

    with deaf_to_ctrl_c():
        inside = mask()
    assert (inside, mask()) == ("True", "False")


def test_beginnings_that_overlap_leave_the_server_hearing() -> None:
    def blocked() -> bool:
        return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())

    first, second = deaf_to_ctrl_c(), deaf_to_ctrl_c()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blocked(), "the second process is still being started"
    second.__exit__(None, None, None)
    assert not blocked()


@pytest.mark.skipif(sys.platform != "linux", reason="the mask of another process is read from /proc")
def test_so_is_a_worker_also_the_first_of_its_server(tmp_path: Path) -> None:
    script = tmp_path / "start.py"
    script.write_text(WORKER)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    blocked = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)["SigBlk"]
    assert int(blocked, 16) >> (signal.SIGINT - 1) & 1, done.stderr


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
