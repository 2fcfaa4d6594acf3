"""Mistakes on the command line: a line that says what to do, exit code 2 (1 where the model cannot be loaded), and no traceback."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from flowbrush.server.cli import app
from flowbrush.server.settings import Settings

ROOT = Path(__file__).parents[2]
SESSION = {"flowbrush": 1, "model": "pocket", "start": {"prompt": "a fox"}, "chunks": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a good session file, a broken one, one of a model that is not there, and a plain file."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLOWBRUSH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "good.json").write_text(json.dumps(SESSION))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "other.json").write_text(json.dumps({**SESSION, "model": "other"}))
    (tmp_path / "hidden.json").write_text("[[0.1, 0.2, 0], [0.3, 0.4, 0]]")
    (tmp_path / "plain").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("serve --port 99999", "--port is 99999: expected at most 65535"),
        ("serve --port abc", "--port is 'abc': expected a whole number"),
        ("serve --seats 1.5", "--seats is '1.5': expected a whole number"),
        ("serve --host ''", "--host is '': expected a text that is not empty"),
        ("serve --host 127.0.0.1:8000", "--host: '127.0.0.1:8000': expected an address or a name alone"),
        ("serve --device gpu", "--device: 'gpu': expected auto, cpu, cuda, cuda:1 … or mps"),
        ("serve --state-dir ''", "--state-dir: '': expected a folder"),
        ("serve --workers -1", "--workers is -1: expected at least 0"),
        ("serve --model other", "unknown model 'other': expected one of"),
        ("serve --model wan-1.3b", "the weights of wan-1.3b are not here"),
        ("serve --drag pull", "--drag is 'pull': expected 'auto' or 'warp'"),
        (
            "serve --attention other",
            "--attention is 'other': expected 'auto', 'sdpa', 'cudnn', 'fa3', 'xformers' or 'flex'",
        ),
        ("serve --advertise http://10.0.0.5:8000", "only gateways of a cluster look for each other"),
        ("serve --workers 4 --most-workers 2", "most-workers 2: there are 4 workers at the start"),
        ("serve --log-level loud", "log level 'loud': expected debug, info, warning or error"),
        ("serve --host 0.0.0.0", "set FLOWBRUSH_API_KEYS"),
        ("serve --state-dir s3://bucket", "expected a folder"),
        ("render none.json -o out.mp4", "none.json: No such file or directory"),
        ("render . -o out.mp4", ".: Is a directory"),
        ("render broken.json -o out.mp4", "broken.json: the file is not valid JSON"),
        ("render empty.json -o out.mp4", "empty.json: the file is an empty list: expected an object"),
        ("render other.json -o out.mp4", "unknown model 'other'"),
        ("render good.json -o none/out.mp4", "the folder none does not exist: make it first"),
        ("render good.json -o out.avi", "does not end in .mp4"),
        ("render good.json -o plain --frames-only", "is there already"),
        ("render good.json -o out.mp4 --device other", "device 'other' is unknown: expected"),
        (
            "render good.json -o out.mp4 --strength 0.5",
            "name the video with --source, or leave --strength out",
        ),
        ("pull other", "unknown model 'other'"),
        ("pull pocket", "come with the project"),
        ("pull wan-1.3b --from none", "none is no folder"),
        ("tracks none.pth", "none.pth cannot be read: No such file or directory"),
        ("tracks plain", "is no track file"),
        ("tracks plain --grid 8x", "expected two whole numbers above 0, such as 8x5"),
        ("tracks plain --grid 8x5 --visibility plain", "--visibility does not go with --grid"),
        ("tracks good.json --visibility plain", "good.json takes no --visibility"),
        ("tracks hidden.json", "none of its 1 tracks is visible"),
        ("tracks good.json --size 0x0", "expected two whole numbers above 0, such as 832x480"),
    ],
)
def test_a_mistake_is_told_in_a_line(folder: Path, line: str, says: str) -> None:
    done = CliRunner().invoke(app, shlex.split(line))
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit) or done.exception is None
    said = done.stderr.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("flowbrush: ") and says in said[0], done.stderr
    assert not (folder / "out.mp4").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("line", ["models", "tracks points.json --size 64x64"])
def test_output_that_cannot_be_written_is_told_in_a_line(folder: Path, line: str) -> None:
    (folder / "points.json").write_text('[[{"x": 1, "y": 2}, {"x": 3, "y": 4}]]')
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flowbrush.server.cli", *line.split()],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    said = "flowbrush: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_tracks_are_not_written_over_what_they_are_made_of(folder: Path) -> None:
    given = folder / "points.json"
    given.write_text('[[{"x": 1, "y": 2}, {"x": 3, "y": 4}]]')
    done = CliRunner().invoke(app, ["tracks", str(given), "--size", "64x64", "-o", str(given)])
    assert done.exit_code == 2 and "is what is read" in done.stderr
    assert given.read_text().startswith('[[{"x"')


def test_the_names_of_attention_are_those_of_the_models() -> None:
    """The settings cannot ask the models, which load torch."""
    code = "from flowbrush.models.attention import BACKENDS; print(*BACKENDS)"
    known = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120).stdout
    assert set(known.split()) | {"auto"} == set(get_args(Settings.model_fields["attention"].annotation))


def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "flowbrush.server.cli",
        "serve",
        "--port",
        "0",
        "--state-dir",
        str(folder / "state"),
    ]
    done = subprocess.run(
        [*command, "--device", "cpu", "--attention", "cudnn"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert (
        "\nflowbrush: pocket cannot be loaded: attention back end 'cudnn' needs a CUDA device, not cpu"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
