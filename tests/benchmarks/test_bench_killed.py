"""A benchmark that is killed: what it started ends with it, and what it wrote is gone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from bounded import command_of
from test_bench_server import ROOT

from flowbrush.benchmarks.local_server import TMPFS

WAIT_S = 90.0


def folders(temporary: Path, snapshots: set[Path]) -> set[Path]:
    """Those that a benchmark has made for its server: in its temporary folder, and in memory, where others have theirs."""
    return {*temporary.glob("flowbrush-bench-*"), *(path for path in snapshots if path.exists())}


def snapshots_of(processes: list[psutil.Process]) -> set[Path]:
    """The folders in which servers among these keep snapshots."""
    found = set()
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended meanwhile
            found.add(Path(each.environ().get("FLOWBRUSH_RUNTIME_DIR", "")))
    return {path for path in found if path.name}


def started(bench: psutil.Process, words: tuple[str, ...]) -> list[psutil.Process]:
    """All that it has started, once that does what the words say."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = bench.children(recursive=True)
        lines = [command_of(each) for each in found]
        if all(any(word in line for line in lines) for word in words):
            return found
        assert bench.is_running() and bench.status() != psutil.STATUS_ZOMBIE, "it ended by itself"
        time.sleep(0.05)
    raise AssertionError(f"not all of {words} were started: {lines}")


@pytest.mark.parametrize("sleep_s", [0.0, 8.0], ids=["as it starts", "warm"])
def test_what_a_killed_benchmark_has_started_ends_with_it(tmp_path: Path, sleep_s: float) -> None:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "server")])
    environment = {
        "FLOWBRUSH_LOADER": "server_generator:Generator.load",
        "PYTHONPATH": paths,
        "TMPDIR": str(tmp_path),
    }
    command = [
        sys.executable,
        "-m",
        "flowbrush.benchmarks",
        "walls",
        "--seconds",
        "60",
        "--model",
        "pocket-random",
    ]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as bench:
        try:
            found = started(psutil.Process(bench.pid), ("benchmarks.kept", "spawn_main"))
            time.sleep(sleep_s)
            found = psutil.Process(bench.pid).children(recursive=True)
            snapshots = snapshots_of(found)
            assert {path.parent for path in snapshots} == {TMPFS if TMPFS.is_dir() else tmp_path}
            assert folders(tmp_path, snapshots) >= snapshots
        finally:
            bench.kill()
    try:
        _, alive = psutil.wait_procs(found, WAIT_S)
        assert not alive
        assert not folders(tmp_path, snapshots)
    finally:
        for process in found:
            if process.is_running():
                process.kill()
