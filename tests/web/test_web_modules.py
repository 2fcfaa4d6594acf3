"""The page's modules without a page: their own tests in Node, and constants that agree with the server's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flowbrush import limits, packets
from flowbrush.messages import Codec

WEB = Path(__file__).parents[2] / "web"


def node() -> str:
    path = shutil.which("node")
    if path is None:
        pytest.skip("no node: install Node.js 20 or newer to test the page's modules")
    return path


def test_modules_in_node() -> None:
    tests = sorted(str(path) for path in Path(__file__).parent.glob("*.test.js"))
    assert tests
    done = subprocess.run([node(), "--test", *tests], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def exported(module: str) -> Any:
    """The constants of one of the page's modules."""
    script = f"import('{(WEB / module).as_uri()}').then((m) => console.log(JSON.stringify(m)))"
    done = subprocess.run([node(), "-e", script], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_limits_agree_with_the_server() -> None:
    checked = exported("check.js")["LIMITS"]
    assert checked and checked == {name: getattr(limits, name) for name in checked}


def test_constants_agree_with_the_server() -> None:
    page = exported("protocol.js")
    assert page["SUBPROTOCOL"] == limits.SUBPROTOCOL
    assert page["HEADER_BYTES"] == packets.HEADER_BYTES
    assert page["HEADER_VERSION"] == packets.HEADER_VERSION
    flags = [page["FLAG_KEY"], page["FLAG_LAST"], page["FLAG_DISCONTINUITY"]]
    assert flags == [packets.Flag.KEY, packets.Flag.LAST_OF_CHUNK, packets.Flag.DISCONTINUITY]
    assert page["CODECS"] == [Codec.from_number(number).value for number in range(len(Codec))]
    assert (page["COORDINATE_MIN"], page["COORDINATE_MAX"]) == (limits.MIN_COORDINATE, limits.MAX_COORDINATE)
    assert page["MAX_POINTS"] <= limits.MAX_POINTS
