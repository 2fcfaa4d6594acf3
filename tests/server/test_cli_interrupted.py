"""Ctrl-C while a command still loads its libraries: one that is caught in the middle of an import may go on with half of itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running_server import ROOT

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
    done = subprocess.run(
        [sys.executable, "-c", CODE, module, *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
