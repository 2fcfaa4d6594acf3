"""What single settings may hold, and what a process that reads people's files may take."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbrush.server import modest, values

TAKEN: list[tuple[Callable[[Any], Any], Any]] = [
    (values.networks, ("10.0.0.0/8", "10.0.0.1/8", "::1", "fd00::/8")),
    (values.names, ("studio.example", "localhost", "[::1]", "10.0.0.5")),
    (values.origins, ("https://studio.example", "http://localhost:3000/", "https://[::1]:8443")),
    (values.keys, ("sk-1", "two words", "~!")),
    (values.address, "0.0.0.0"),
    (values.address, "::1"),
    (values.address, "studio.example"),
    (values.published, "[::1]"),
    (values.published, "127.0.0.1"),
    (values.device, "auto"),
    (values.device, "cuda:1"),
    (values.device, "mps"),
    (values.loader, "flowbrush.pipelines.generator:Generator.load"),
    (values.no_bucket, "/srv/flowbrush"),
    (values.no_bucket, "."),
    (values.no_bucket, "c:/flowbrush"),
    (values.never_or_a_while, 0.0),
    (values.never_or_a_while, 0.001),
]
REFUSED: list[tuple[Callable[[Any], Any], Any, str]] = [
    (values.networks, ("10.0.0.0/33",), "expected an address or a network"),
    (values.networks, ("studio.example",), "expected an address or a network"),
    (values.names, ("https://studio.example",), "expected a name alone"),
    (values.names, ("studio.example:8000",), "expected a name alone"),
    (values.names, ("*.example",), "expected a name alone"),
    (values.origins, ("studio.example",), "expected scheme and name"),
    (values.origins, ("https://studio.example/page",), "expected scheme and name"),
    (values.origins, ("https://*.example",), "expected scheme and name"),
    (values.keys, ("fine", "clé"), "no header can carry"),
    (values.keys, (" begins with a blank",), "no header can carry"),
    (values.keys, ("a\nb",), "no header can carry"),
    (values.keys, ("",), "no header can carry"),
    (values.address, "127.0.0.1:8000", "the port is said with --port"),
    (values.address, "http://127.0.0.1", "an address or a name alone"),
    (values.published, "[127.0.0.1]", "an address or a name alone"),
    (values.device, "gpu", "expected auto, cpu, cuda"),
    (values.device, "cuda:", "expected auto, cpu, cuda"),
    (values.loader, "flowbrush.pipelines.generator", "expected module:callable"),
    (values.loader, "os:system; x", "expected module:callable"),
    (values.no_bucket, "s3://bucket/state", "a bucket of objects"),
    (values.no_bucket, Path("gs://bucket"), "a bucket of objects"),
    (values.no_bucket, " ", "expected a folder"),
    (values.never_or_a_while, 0.0001, "or 0 for never"),
]


@pytest.mark.parametrize(("check", "given"), TAKEN)
def test_what_can_be_is_given_back_as_it_came(check: Callable[[Any], Any], given: Any) -> None:
    back = check(given)
    assert back == (given if not str(given).startswith("[") else given[1:-1])


@pytest.mark.parametrize(("check", "given", "said"), REFUSED)
def test_what_cannot_be_is_refused_with_what_was_expected(
    check: Callable[[Any], Any], given: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check(given)


def test_a_key_that_cannot_be_stands_in_no_message() -> None:
    with pytest.raises(ValueError) as refused:
        values.keys(("geheim\u00df",))
    assert "geheim" not in str(refused.value)


def test_a_path_is_whole_and_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert values.at_home(Path("~/state")) == tmp_path / "state" == values.at_home(Path("state"))
    with pytest.raises(ValueError, match="no home folder is known"):
        values.at_home(Path("~nobody-of-that-name/state"))


def test_a_path_in_a_folder_that_is_gone_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ValueError, match="the folder that you are in is gone"):
        values.at_home(Path("state"))
    assert values.at_home(tmp_path) == tmp_path


@pytest.mark.parametrize(
    "refusal", [ValueError("current limit exceeds maximum limit"), OSError(22, "Invalid argument")]
)
def test_where_the_system_takes_no_such_limit_a_file_is_read_without(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    """As macOS does not."""
    asked = []

    def setrlimit(what: int, limits: tuple[int, int]) -> None:
        asked.append(limits)
        raise refusal

    monkeypatch.setattr("resource.setrlimit", setrlimit)
    modest.limit_memory(1 << 30)
    assert asked == [(1 << 30, 1 << 30)]


@pytest.mark.skipif(
    sys.platform != "linux", reason="other systems do not hold a process to its address space"
)
def test_a_process_gets_no_more_memory_than_it_may_take() -> None:
    code = (
        f"import sys; from {modest.__name__} import limit_memory; limit_memory(1 << 30)\n"
        "small = bytearray(64 << 20)\n"
        "try: bytearray(1 << 30)\n"
        "except MemoryError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 7
