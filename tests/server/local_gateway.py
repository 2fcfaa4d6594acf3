"""A gateway of several whose workers are processes of this machine: `flowbrush serve --cluster` without Ray."""

from __future__ import annotations

import sys

from flowbrush.server import run
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.settings import load_settings

if __name__ == "__main__":
    run.engine_of = lambda settings: LocalEngine()
    sys.exit(run.run(load_settings()))
