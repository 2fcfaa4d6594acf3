"""The tests' own guards: what hangs is ended, and says where."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from bounded import command_of, deadline, end, kill_group

ROOT = Path(__file__).parents[1]

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
"""

HANGS = """
import subprocess, sys
from pathlib import Path

def test_that_hangs():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path("child").write_text(str(child.pid))
    while True:
        try:
            child.wait()
        except BaseException:  # as an event loop does with what a callback raises
            pass
"""


def stubborn() -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout:
        return process, int(process.stdout.readline())


def ended(pid: int) -> bool:
    """Whether the process ends, or has ended and is only not collected yet."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_what_does_not_end_is_killed_with_its_children() -> None:
    process, child = stubborn()
    assert end(process, grace_s=0.3) < 0
    assert ended(child)


def test_children_that_outlived_their_process_are_killed() -> None:
    process, child = stubborn()
    process.kill()
    process.wait(10)
    assert psutil.Process(child).status() != psutil.STATUS_ZOMBIE
    kill_group(process)
    assert ended(child)


def test_a_deadline_ends_what_is_waited_for_and_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    waited_for = threading.Event()
    with pytest.raises(TimeoutError, match="a wait took more than"), deadline(0.1, waited_for.set, "a wait"):
        waited_for.wait(30)
    assert waited_for.is_set()
    assert f"{__file__}:" in capsys.readouterr().err


def test_a_deadline_that_is_kept_does_nothing() -> None:
    called = threading.Event()
    with deadline(30, called.set, "a wait"):
        pass
    assert not called.is_set()


@pytest.mark.parametrize(
    "options",
    [[], ["-o", "timeout=1", "-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true"]],
    ids=["by the runner", "by the fault handler"],
)
def test_a_run_that_hangs_ends_with_the_place_and_leaves_nothing(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "test_hangs.py").write_text(HANGS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import run_tests;"
        f"run_tests.LIMIT_S, run_tests.KILL_S = {30 if options else 6}, 0.1; sys.exit(run_tests.main())"
    )
    command = [sys.executable, "-c", code, "-p", "no:cacheprovider", *options, "test_hangs.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "in test_that_hangs" in done.stdout + done.stderr, "the dump names the place"
    assert ended(int((tmp_path / "child").read_text())), "what the test had started is killed"


def test_the_command_of_one_that_runs_and_of_one_that_has_ended() -> None:
    command = [sys.executable, "-c", "print(flush=True);input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        seen = psutil.Process(process.pid)
        assert process.stdout is not None
        process.stdout.readline()  # a process that is just becoming another program has no command for a moment
        assert command_of(seen).endswith("-c print(flush=True);input()")
        process.kill()
        while seen.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert command_of(seen) == ""
    assert command_of(seen) == ""
