"""`flowbrush serve` as a process of its own, for browser tests that want the real thing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from bounded import end, kill_group

ROOT = Path(__file__).parents[2]
READY_S = 120.0
NARROW = {"FLOWBRUSH_LOADER": "server_tiny_pocket:load_at_size", "FLOWBRUSH_SEATS": "2"}


class RealServer:
    """One server on a port of its own; `kill` and `start` again leave its state folder where it is.

    `settings` are environment variables; with the loader NARROW its model has networks of a few channels.
    """

    def __init__(self, model: str, state: Path, **settings: str) -> None:
        self.model = model
        self.state = state
        self.settings = settings
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
            "flowbrush.server.cli",
            "serve",
            "--model",
            self.model,
            "--port",
            str(self.port),
        ]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "server")])
        environment = {**os.environ, "FLOWBRUSH_STATE_DIR": str(self.state), "PYTHONPATH": paths}
        with (self.state / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.state,
                env={**environment, **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            assert self.process.poll() is None, (self.state / "server.log").read_text()[-3000:]
            try:
                urllib.request.urlopen(f"{self.url}healthz", timeout=5).close()
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        self.kill()
        raise AssertionError(f"the server was not ready: {(self.state / 'server.log').read_text()[-3000:]}")

    def kill(self) -> None:
        """As if the power had gone: every process of the server at once."""
        assert self.process is not None
        kill_group(self.process)

    def stop(self) -> None:
        """Asks the server to end; what does not is killed."""
        assert self.process is not None
        end(self.process)
        kill_group(self.process)
