"""Parts of `flowbrush bench` from the command to the last line, against a server without a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 240


def bench(*words: str) -> dict[str, Any]:
    """The JSON of the last line of a part's output."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "server")])
    environment = {**os.environ, "FLOWBRUSH_LOADER": "server_generator:Generator.load", "PYTHONPATH": paths}
    command = [sys.executable, "-m", "flowbrush.benchmarks", *words, "--model", "pocket-random"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert '"audit"' not in done.stderr, "the server's line for each client stands among the figures"
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
def test_the_first_frame() -> None:
    found = bench("first_frame", "--samples", "3")
    assert found["benchmark"] == "first_frame" and found["settings"]["samples"] == 3
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["max_ms"]


@pytest.mark.slow
def test_the_way_of_a_control() -> None:
    found = bench("latency", "--samples", "3")
    parts = ("until_the_chunk_begins_ms", "made_and_sent_ms", "control_to_client_ms")
    begun, made, came = (found[part]["p50"] for part in parts)
    assert made > 0 and came >= begun


@pytest.mark.slow
def test_frames_go_on_after_a_worker_was_killed() -> None:
    (kill,) = bench("recovery", "--kills", "1")["kills"]
    assert kill["frames lost"] == kill["frames doubled"] == 0
    assert 0 < kill["told"] <= kill["next frame"]


@pytest.mark.slow
def test_sessions_at_once() -> None:
    found = bench("sessions", "--sessions", "1", "2", "--seconds", "2")["sessions_fps"]
    assert found["1"]["fps"] > 0 and found["2"]["fps"] > 0 and 0 < found["2"]["fairness"] <= 1


@pytest.mark.slow
def test_viewers_of_a_stream() -> None:
    found = bench("gateway", "--watchers", "0", "2", "--seconds", "2")["watchers"]
    assert found["2"]["frames"] > found["0"]["frames"] > 0
    assert found["0"]["bytes_a_frame"] > 0 and found["2"]["cpu_ms_a_frame"] > 0


@pytest.mark.slow
def test_a_long_stream() -> None:
    found = bench("endless", "--quick")
    assert found["chunk_ms"].keys() == {"20", "160", "320"}
    assert found["time_ratio"] > 0 and found["memory_ratio"] > 0


@pytest.mark.parametrize(
    "words",
    [("endless", "--url", "http://x"), ("recovery", "--url", "http://x"), ("endless", "--chunks", "5")],
)
def test_what_a_part_cannot_do_is_said_before_it_begins(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "flowbrush.benchmarks", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 2 and ("leave --url out" in done.stderr or "at least" in done.stderr)
