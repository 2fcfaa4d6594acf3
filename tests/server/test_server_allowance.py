"""A machine that gives a process too little: said in one line that names the limit, before anybody comes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server import allowance
from flowbrush.server.allowance import TooLittle, check_threads
from flowbrush.server.engine import ipc, worker_main

WITHOUT_MEMORY = """
import resource
from flowbrush.server.allowance import TooLittle, check_threads
pages = int(open("/proc/self/statm").read().split()[0])
taken = pages * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (64 << 20),) * 2)
try:
    check_threads(1000)
except TooLittle as error:
    print(error)
"""


def test_a_server_that_may_open_too_few_files_says_so_and_does_not_start(tmp_path: Path) -> None:
    """With 24 it served, could keep nothing, and said so in a traceback for each thing that it tried."""
    served = subprocess.run(
        [sys.executable, "-m", "flowbrush.server.cli", "serve", "--port", "0", "--model", "pocket-random"],
        env=os.environ | {"FLOWBRUSH_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)),
    )
    assert served.returncode == 2
    assert served.stderr.count("\n") == 1 and "only 24 files may be open at once" in served.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux has it")
def test_too_few_threads_name_their_limits() -> None:
    tried = subprocess.run(
        [sys.executable, "-c", WITHOUT_MEMORY], capture_output=True, text=True, timeout=60, check=True
    )
    assert "more threads can be started, and 1000 are needed" in tried.stdout
    assert "ulimit -u" in tried.stdout and "ulimit -v" in tried.stdout


def test_a_worker_without_threads_is_one_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was warm, and lost as it took its first order: again and again, each time after a load."""
    sent: list[Any] = []

    def refused(wanted: int) -> None:
        raise TooLittle(f"not {wanted}")

    monkeypatch.setattr(worker_main, "check_threads", refused)
    monkeypatch.setattr(worker_main.logs, "configure", lambda *_: None)
    pipe = SimpleNamespace(send_bytes=lambda data: sent.append(ipc.decode_up(data)))
    worker_main.serve(pipe, ipc.WorkerConfig("none:load", "m", "cpu", 1, 1, "info", False))  # type: ignore[arg-type]
    assert sent == [ipc.LoadFailed(f"not {allowance.FEWEST_THREADS}")]


def test_threads_that_were_tried_have_ended() -> None:
    check_threads(5)
    assert not [thread for thread in allowance.threading.enumerate() if thread.name == "trial"]
