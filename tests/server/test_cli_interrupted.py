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
    done = _run(tmp_path, CODE, module, *command)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


BEGINNING = CODE.replace("server.cli import app", "command import main").replace(
    "app(sys.argv[2:])", "main()"
)
WRITING = """
import signal, sys

def heard(event, arguments):
    if event == "os.rename":
        signal.raise_signal(signal.SIGINT)

from flowbrush.server.cli import main
sys.addaudithook(heard)
sys.argv = ["flowbrush", *sys.argv[1:]]
main()
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


def test_at_work_it_says_that_it_stopped_and_leaves_what_was_there(tmp_path: Path) -> None:
    """What is written takes the place of what was there at the end, and not before."""
    (tmp_path / "tracks.json").write_text('[[{"x": 0.1, "y": 0.2}, {"x": 0.3, "y": 0.4}]]')
    (tmp_path / "out.json").write_text("before")
    done = _run(tmp_path, WRITING, "tracks", "tracks.json", "--size", "1x1", "-o", "out.json")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "flowbrush: stopped\n")
    assert (tmp_path / "out.json").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "tracks.json"]
