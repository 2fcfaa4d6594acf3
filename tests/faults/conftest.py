"""The faults are caused in the real servers that the tests of `tests/server` start."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))

from running_server import make_server

__all__ = ["make_server"]
