"""Nobody takes the server's log: its disk is full, its reader has gone, or stands still. Streams go on, lost workers come back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_client import RawClient
from running_server import RunningServer, wait_for

START = """
import fcntl, os, sys
what = "{what}"
if what == "full":
    end = os.open("/dev/full", os.O_WRONLY)
else:
    read, end = os.pipe()
    if what == "gone":
        os.close(read)
    else:
        os.set_inheritable(read, True)
        os.set_blocking(end, False)
        try:
            while True:
                os.write(end, b"x" * 512)
        except BlockingIOError:
            os.set_blocking(end, True)
os.dup2(end, 2)
sys.argv = ["flowbrush", "serve"]
from flowbrush.server.cli import main
main()
"""


class Unheard(RunningServer):
    """A server whose stderr goes where `what` says."""

    def __init__(self, state: Path, what: str) -> None:
        self.COMMAND = ("-c", START.format(what=what))
        super().__init__(state, PYTHONUNBUFFERED="")  # with it nothing is kept that could not be written


@pytest.fixture(params=["full", "gone", "stuck"])
def unheard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningServer]:
    if request.param == "full" and not Path("/dev/full").exists():
        pytest.skip("no full disk is at hand")
    server = Unheard(tmp_path / "state", request.param)
    yield server
    server.stop()


async def test_a_server_whose_log_nobody_takes_replaces_its_worker(unheard: RunningServer) -> None:
    async with RawClient(unheard.url) as client:
        await client.start()
        await client.count(8)
        (worker,) = unheard.workers()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: unheard.workers() not in ([], [worker]), 60.0)
        await client.message("session.recovering")
        await client.count(len(client.packets) + 40)
    assert unheard.stop() == 0
