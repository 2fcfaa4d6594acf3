"""Processes that work for a training: they end with it, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from bounded import command_of
from tiny_training import RECIPE, need_font

need_font()
ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 90.0

SPREAD = """
import time
from flowbrush.training.parallel import spread
spread(lambda index: time.sleep(1e6), 2, 2)
"""
AHEAD = """
import time
from flowbrush.training.data import ahead
for _ in ahead(lambda step: [step], 0, 2):
    time.sleep(1e6)
"""
RENDERING = """
import sys
from pathlib import Path
from flowbrush.training.__main__ import main
for stage in ("codec", "light", "pool"):
    main([stage, "--config", sys.argv[1], "--run", sys.argv[2], "--device", "cpu", "--dtype", "fp32"])
"""


def workers(parent: psutil.Process, count: int) -> list[psutil.Process]:
    """Its children that run the same code as it, as soon as there are so many."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = [child for child in parent.children() if "resource_tracker" not in command_of(child)]
        if len(found) >= count:
            return found
        assert parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE, "it ended by itself"
        time.sleep(0.05)
    raise AssertionError("no processes were started")


@pytest.mark.parametrize("code", [SPREAD, AHEAD, RENDERING], ids=["spread", "ahead", "rendering"])
def test_those_of_a_training_that_is_killed_end(tmp_path: Path, code: str) -> None:
    recipe = tmp_path / "recipe.toml"
    endless = RECIPE.replace("shards = 2", "shards = 100000").replace("workers = 1", "workers = 2")
    recipe.write_text(endless)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(recipe), str(tmp_path / "run")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as training:
        try:
            found = workers(psutil.Process(training.pid), 2)
        finally:
            training.kill()
    try:
        _, alive = psutil.wait_procs(found, WAIT_S)
        assert not alive
    finally:
        for process in found:
            if process.is_running():
                process.kill()
