"""Ctrl-C while a command still loads its libraries: one that is caught in the middle of an import may go on with half of itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from bounded import deadline
from raw_client import RawClient
from running_server import ROOT
from websockets.exceptions import ConnectionClosed

CODE = """
import signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from flowbrush.server.cli import app
app(sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("torch", ["render", "session.json", "-o", "out.mp4"]),
        ("numpy", ["tracks", "tracks.json"]),
        ("torch", ["eval", "--parts", "live"]),
        ("torch", ["train", "--help"]),
    ],
)
def test_it_ends_at_once_and_quietly(tmp_path: Path, module: str, command: list[str]) -> None:
    done = _run(tmp_path, CODE, module, *command)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


BEGINNING = CODE.replace("server.cli import app", "command import main").replace(
    "app(sys.argv[2:])", "main()"
)
WRITING = """
import signal, sys

def heard(event, arguments):
    if event == "os.rename":
        signal.raise_signal(signal.Signals[sys.argv[1]])

from flowbrush.server.cli import app
sys.addaudithook(heard)
app(sys.argv[2:])
"""


def _run(folder: Path, code: str, *line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *line],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_command_itself_ends_quietly_while_it_loads(tmp_path: Path) -> None:
    done = _run(tmp_path, BEGINNING, "typer")
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize(
    ("signal_name", "code", "said"),
    [("SIGINT", 130, "flowbrush: stopped\n"), ("SIGTERM", 143, ""), ("SIGHUP", 143, "")],
)
def test_at_work_it_says_that_it_stopped_and_leaves_what_was_there(
    tmp_path: Path, signal_name: str, code: int, said: str
) -> None:
    """What is written takes the place of what was there at the end, and not before."""
    (tmp_path / "tracks.json").write_text('[[{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.4}]]')
    (tmp_path / "out.json").write_text("before")
    done = _run(tmp_path, WRITING, signal_name, "tracks", "tracks.json", "--size", "1x1", "-o", "out.json")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)
    assert (tmp_path / "out.json").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "tracks.json"]


FETCHING = """
import signal
from flowbrush.models.loading import hub
from flowbrush.server.cli import app

def fetch(card, report):
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        print("the file is closed")

hub.pull = fetch
app(["pull", "wan-1.3b"])
"""


def test_sigterm_lets_a_fetch_close_what_is_half_written(tmp_path: Path) -> None:
    done = _run(tmp_path, FETCHING)
    assert (done.returncode, done.stdout, done.stderr) == (143, "the file is closed\n", "")


POOL = """
import signal, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from flowbrush.server import cli

def work(seconds):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(seconds)

@cli.app.command()
def pool():
    cli._end_by_exception()
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        pool.submit(work, 1e6).result()

import os
cli.app(["pool"])
"""


@pytest.mark.parametrize(("sig", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_pool_that_is_cut_off_at_its_end_goes_with_the_command(
    tmp_path: Path, sig: signal.Signals, code: int
) -> None:
    """The first signal has it wait for its work, the second one ends that."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", POOL]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        child = psutil.Process(int(running.stdout.readline()))
        with deadline(60.0, lambda: [child.kill(), running.kill()], "the end of the command"):
            while running.poll() is None and child.is_running():
                running.send_signal(sig)
                time.sleep(0.2)
            assert running.wait() in (code, -sig), "or at once, by one more of them"
    assert not child.is_running()


AT_THE_END = """
import atexit, signal
from flowbrush.server import cli

@cli.app.command()
def work():
    atexit.register(signal.raise_signal, signal.SIGINT)
    signal.raise_signal(signal.SIGINT)

cli.app(["work"])
"""


def test_one_more_ctrl_c_while_python_ends_is_quiet(tmp_path: Path) -> None:
    done = _run(tmp_path, AT_THE_END)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "flowbrush: stopped\n")


def test_a_closed_terminal_ends_nothing_that_runs_under_nohup(tmp_path: Path) -> None:
    (tmp_path / "tracks.json").write_text('[[{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.4}]]')
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" + WRITING
    done = _run(tmp_path, ignoring, "SIGHUP", "tracks", "tracks.json", "--size", "1x1", "-o", "out.json")
    assert done.returncode == 0 and (tmp_path / "out.json").exists()


async def test_a_server_whose_terminal_is_closed_says_goodbye(make_server: Any) -> None:
    server = make_server()
    async with RawClient(server.url) as client:
        await client.start()
        with pytest.raises(ConnectionClosed) as closed:
            server.process.send_signal(signal.SIGHUP)
            await client.message("session.done")
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
    assert await asyncio.to_thread(server.process.wait, 30) == 0
