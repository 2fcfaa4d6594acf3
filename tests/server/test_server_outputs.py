"""What the server says goes nowhere, or to somebody who does not read: it goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowbrush.server.outputs import Output

ROOT = Path(__file__).resolve().parents[2]

GONE = """
import os, sys
from flowbrush.server import outputs
read, write = os.pipe()
os.close(read)
os.dup2(write, {number})
outputs.never_wait()
print("nobody reads this", file=sys.{name})
sys.{name}.flush()
"""

MISSED = """
import logging, os
from flowbrush.server import logs, outputs
read, write = os.pipe()
os.dup2(write, 2)
outputs.never_wait()
logs.configure("info", {as_json})
while not outputs.sys.stderr.buffer._lost:
    outputs.sys.stderr.write("a line\\n")
os.set_blocking(read, False)
os.read(read, 1 << 20)
logging.error("the end")
print(os.read(read, 1 << 20).decode(), end="")
"""


def drained(end: int) -> bytes:
    """All that lies in a pipe."""
    os.set_blocking(end, False)
    found = b""
    try:
        while True:
            found += os.read(end, 1 << 20)
    except BlockingIOError:
        return found


def test_a_reader_that_stands_still_holds_nobody_up_and_hears_how_many_lines_it_missed() -> None:
    read, write = os.pipe()
    text = io.TextIOWrapper(Output(write), write_through=True)  # type: ignore[type-var]
    lines = 0
    while not text.buffer._lost:  # type: ignore[attr-defined]
        text.write(f"line {lines}\n")
        lines += 1
    text.write("one more\n" * 1000)
    drained(read)
    text.write("again\n")
    rest = drained(read).decode().splitlines()
    assert lines > 1 and rest == ["flowbrush: 2 lines could not be written", "again"]
    os.close(read)
    os.close(write)


def test_a_line_that_was_taken_in_part_does_not_run_into_the_next_one() -> None:
    read, write = os.pipe()
    output = Output(write)
    output.write(b"x" * (1 << 20))
    drained(read)
    output.write(b"next\n")
    assert drained(read) == (b"\nflowbrush: 1 lines could not be written\nnext\n")
    os.close(read)
    os.close(write)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk is at hand")
def test_a_full_disk_is_no_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    output = Output(full)
    assert output.write(b"a line\n") == 7
    output.flush()
    os.close(full)


@pytest.mark.parametrize(("name", "number"), [("stdout", 1), ("stderr", 2)])
def test_a_reader_that_has_gone_is_no_error_nor_at_the_end(name: str, number: int) -> None:
    script = GONE.format(name=name, number=number)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_missing_in_a_log_is_said_in_a_line_of_that_log(as_json: bool) -> None:
    """It was a bare text between lines of JSON, which what collects them cannot read."""
    script = MISSED.format(as_json=as_json)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=True
    )
    *torn, missed, end = done.stdout.decode().splitlines()
    assert not any(torn) and "the end" in end
    assert "WARNING [-] flowbrush.server.outputs: " in missed or as_json
    said = json.loads(missed)["message"] if as_json else missed
    assert said.endswith("1 lines could not be written")
