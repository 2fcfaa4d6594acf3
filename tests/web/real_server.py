"""`flowbrush serve` as a process of its own, for browser tests that want the real thing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
READY_S = 240.0


class RealServer:
    """One server on a port of its own; `kill` and `start` again leave its state folder where it is."""

    def __init__(self, model: str, state: Path) -> None:
        self.model = model
        self.state = state
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts the server and waits until a worker is warm."""
        command = [
            sys.executable,
            "-m",
            "server.cli",
            "serve",
            "--model",
            self.model,
            "--port",
            str(self.port),
        ]
        environment = {**os.environ, "FLOWBRUSH_STATE_DIR": str(self.state), "PYTHONPATH": str(ROOT)}
        log = (self.state / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, cwd=self.state, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.state / "server.log").read_text()[-3000:]
            try:
                urllib.request.urlopen(f"{self.url}readyz", timeout=5).close()
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.3)
        self.kill()
        raise AssertionError(f"the server was not ready: {(self.state / 'server.log').read_text()[-3000:]}")

    def kill(self) -> None:
        """As if the power had gone: every process of the server at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        assert self.process is not None
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
