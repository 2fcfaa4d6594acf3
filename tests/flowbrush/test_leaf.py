"""The client is cheap: neither torch nor the server, numpy or PyAV comes along, and it says what else is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import flowbrush

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "numpy", "av", "fastapi", "msgspec", "PIL", "typer"}
OURS = {"server", "pipelines", "models", "training", "benchmarks"}
CLIENT = sorted(
    f"flowbrush.{path.stem}" for path in (ROOT / "flowbrush").glob("*.py") if path.stem != "__init__"
)
NAMES = "import sys, json; print(json.dumps(sorted(sys.modules)))"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_no_module_of_the_client_brings_anything_heavy() -> None:
    done = python(f"import {', '.join(CLIENT)}; {NAMES}")
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert {"flowbrush.client", "pydantic", "websockets"} <= loaded
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("flowbrush.") and name.split(".")[1] in OURS}


def test_the_name_alone_brings_nothing() -> None:
    """Training and models run where pydantic and websockets are not installed."""
    loaded = json.loads(python(f"import flowbrush; {NAMES}").stdout)
    assert [name for name in loaded if name.startswith(("flowbrush", "pydantic", "websockets"))] == [
        "flowbrush"
    ]


def test_every_public_name_is_there() -> None:
    assert all(hasattr(flowbrush, name) for name in flowbrush.__all__)
    assert set(flowbrush.__all__) <= set(dir(flowbrush))
    done = python("import flowbrush; flowbrush.nothing")
    assert "AttributeError: module 'flowbrush' has no attribute 'nothing'" in done.stderr


def test_its_modules_are_reached_by_its_name_alone() -> None:
    done = python("import flowbrush; print(flowbrush.sync.connect, flowbrush.errors.ServerError)")
    assert "flowbrush.errors.ServerError" in done.stdout, done.stderr
    assert {"sync", "errors", "protocol"} <= set(dir(flowbrush))


def test_no_public_name_is_a_modules_name() -> None:
    """Importing `flowbrush.watch` would put the module where the function of that name is expected."""
    assert not {f"flowbrush.{name}" for name in flowbrush.__all__} & set(CLIENT)


def test_the_command_says_what_to_install_where_there_is_only_the_client() -> None:
    done = python("import sys; sys.modules['typer'] = None; from flowbrush.command import main; main()")
    assert done.returncode == 1
    assert "pip install 'flowbrush[server]'" in done.stderr and "Traceback" not in done.stderr


def test_what_checks_messages_is_built_when_it_is_needed_or_asked_for() -> None:
    """A client imports all messages, and uses few; a server is not to build any while frames wait."""
    built = "[model.__pydantic_complete__ for model in p._CLIENT.models + p._SERVER.models]"
    begin = "import flowbrush, flowbrush.parse as p; flowbrush.connect(prompt='x')"
    code = f"{begin}; before = {built}; p.prepare(); print(sum(before), all({built}))"
    assert python(code).stdout == "1 True\n"
