"""A command of ours that a benchmark starts, and that ends as the benchmark does, also where that is killed.

`python -m flowbrush.benchmarks.kept PARENT FOLDER SNAPSHOTS serve …`: the benchmark's process id, the folders that it made for the
command and would remove, and the words of the command.
"""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import sys
from collections.abc import Sequence

from flowbrush.models.parent import when_parent_is_gone

COMMAND = "flowbrush.server.cli"


def main(words: Sequence[str]) -> None:
    """Runs the command in this process, as a user would start it."""
    parent, folders = int(words[0]), words[1:3]
    when_parent_is_gone(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    sys.argv[1:] = words[3:]
    try:
        runpy.run_module(COMMAND, run_name="__main__", alter_sys=True)
    finally:
        if os.getppid() != parent:  # nobody else does it any more
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
