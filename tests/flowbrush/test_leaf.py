"""`import flowbrush` is cheap: neither torch nor the server, numpy or PyAV comes along."""

from __future__ import annotations

import json
import subprocess
import sys

import flowbrush

PROGRAM = (
    "import sys, json, flowbrush, flowbrush.sync, flowbrush.schema; print(json.dumps(sorted(sys.modules)))"
)


def test_the_import_brings_nothing_heavy() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.split(".")[0] for name in json.loads(run.stdout)}
    assert {"flowbrush", "pydantic", "websockets"} <= loaded
    assert not loaded & {"torch", "numpy", "av", "fastapi", "server", "pipelines", "models", "training"}


def test_every_public_name_is_there() -> None:
    assert all(hasattr(flowbrush, name) for name in flowbrush.__all__)
