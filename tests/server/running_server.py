"""A real server in a process of its own, with a generator double in its worker unless asked otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from bounded import command_of, deadline, end, kill_group

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
START_S, STOP_S = 90.0, 40.0


class RunningServer:
    """A `flowbrush serve` of its own; `url` once it is warm, unless it is not to be waited for."""

    COMMAND: tuple[str, ...] = ("-m", "flowbrush.server.cli", "serve")

    def __init__(self, state_dir: Path, port: int = 0, wait: bool = True, **environment: str) -> None:
        self.state_dir = state_dir
        paths = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
        settings = {
            "FLOWBRUSH_MODEL": "pocket-random",
            "FLOWBRUSH_LOADER": "server_generator:Generator.load",
            "FLOWBRUSH_STATE_DIR": str(state_dir),
            "FLOWBRUSH_RUNTIME_DIR": str(state_dir / "snapshots"),
            "FLOWBRUSH_SEATS": "4",
            "FLOWBRUSH_PORT": str(port),
            "PYTHONPATH": paths,
            **environment,
        }
        self.log = state_dir / "server.log"
        state_dir.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.COMMAND],
                env={**os.environ, **settings},
                cwd=state_dir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        if not wait:
            return
        try:
            with deadline(START_S, self.process.kill, "the start of the server"):
                self.url = self._announced()
        except BaseException:
            kill_group(self.process)
            raise

    def _announced(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " at http" not in line:
            raise RuntimeError(f"the server did not start: {line!r}\n{self.log.read_text()[-4000:]}")
        return line.split()[-1]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def get(self, path: str, **headers: str) -> bytes:
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def json(self, path: str) -> dict:
        return json.loads(self.get(path))

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels."""
        lines = self.get("/metrics").decode().splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name
        )

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        import psutil

        children = psutil.Process(self.process.pid).children()
        return [child.pid for child in children if "spawn_main" in command_of(child)]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The server and its children stand still, so that nothing is written between two steps outside."""
        import psutil

        web = psutil.Process(self.process.pid)
        still = {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
        processes = [web, *web.children(recursive=True)]
        for each in processes:
            each.suspend()
        try:
            wait_for(lambda: all(each.status() in still for each in processes))
            time.sleep(0.05)  # for threads that are in the middle of a write
            yield
        finally:
            for each in processes:
                each.resume()

    def remove(self, folder: Path) -> None:
        """A folder that the server writes to, removed with all that is in it."""
        with self.held():
            shutil.rmtree(folder)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; returns the exit code. What does not end is killed."""
        code = end(self.process, sig, STOP_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[type[RunningServer]]:
    """Starts servers with settings; all are ended after the test."""
    started: list[RunningServer] = []

    def make(port: int = 0, wait: bool = True, **environment: str) -> RunningServer:
        started.append(RunningServer(tmp_path / "state", port, wait, **environment))
        return started[-1]

    yield make  # type: ignore[misc]
    for server in started:
        server.stop()
        kill_group(server.process)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for a whole file of tests."""
    running = RunningServer(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()
    kill_group(running.process)


def wait_for(condition, timeout_s: float = 20.0) -> None:
    """Polls until `condition()` holds; fails after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "the condition did not come true in time"
        time.sleep(0.02)
