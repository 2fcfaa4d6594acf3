"""A disk that hangs: while the file $TEST_DISK_HANGS is there, no call returns that uses folders of sessions next to it.

The first that waits makes the file $TEST_DISK_HANGS.met.
Python loads it at its start where this folder is in PYTHONPATH. Whichever thread makes such a call waits in it.
"""

import os
import sys
import time
from typing import Any

FLAG = os.environ.get("TEST_DISK_HANGS", "")
NEIGHBOURHOOD = os.path.dirname(FLAG)
stat = os.stat


def _path(file: Any) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else os.fsdecode(file)
    except (OSError, TypeError):
        return ""


def _hangs() -> bool:
    try:
        stat(FLAG)
    except OSError:
        return False
    return True


def _wait(file: Any) -> None:
    path = f"{_path(file)}/"
    if "/sessions/" in path and path.startswith(NEIGHBOURHOOD):
        if _hangs():
            os.close(os.open(f"{FLAG}.met", os.O_CREAT | os.O_WRONLY))
        while _hangs():
            time.sleep(0.02)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if arguments and (event == "open" or event.startswith("os.")) and event != "os.putenv":
        _wait(arguments[0])


def _slow(function: Any) -> Any:
    def call(file: Any, *arguments: Any, **named: Any) -> Any:
        _wait(file)
        return function(file, *arguments, **named)

    return call


if FLAG:
    sys.addaudithook(_heard)
    os.stat, os.write, os.pread = _slow(os.stat), _slow(os.write), _slow(os.pread)
