"""Which parts a `flowbrush bench` command runs, and what becomes of one that fails."""

from __future__ import annotations

import importlib
import signal
import subprocess

import pytest

from flowbrush.benchmarks import __main__ as bench


@pytest.mark.parametrize(
    ("argv", "parts", "rest"),
    [
        ([], list(bench.PARTS), []),
        (["--model", "pocket", "--quick"], list(bench.PARTS), ["--model", "pocket", "--quick"]),
        (["latency", "--samples", "3"], ["latency"], ["--samples", "3"]),
        (["latency", "endless", "--quick"], ["latency", "endless"], ["--quick"]),
        (["--model=wan-1.3b", "--random-weights"], ["wan"], ["--model=wan-1.3b", "--random-weights"]),
        (["realtime", "--model", "wan-1.3b"], ["realtime"], ["--model", "wan-1.3b"]),
    ],
)
def test_the_parts_that_are_meant(argv: list[str], parts: list[str], rest: list[str]) -> None:
    assert bench.chosen(argv) == (parts, rest)


@pytest.mark.parametrize("argv", [["speed"], ["--model", "nothing"]])
def test_what_there_is_not_is_named(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(argv) == 2
    assert argv[-1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["gateway", "--seconds", "0"], "--seconds is 0: expected a number, more than 0"),
        (["realtime", "--seconds", "nan"], "--seconds is nan"),
        (["sessions", "--sessions", "1", "-3"], "--sessions is -3"),
        (["gateway", "--watchers", "0", "-1"], "--watchers is -1: expected a number, at least 0"),
        (["recovery", "--kills", "0"], "--kills is 0"),
        (["wan", "--reduced", "--chunks", "-2"], "--chunks is -2"),
        (["motion", "--video", "none.mp4", "--seconds", "inf"], "--seconds is inf"),
    ],
)
def test_a_number_that_measures_nothing_is_refused_before_the_work(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(argv) == 2
    assert says in capsys.readouterr().err


def test_every_part_has_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*bench.PARTS, bench.ON_RAY, bench.IN_PROCESS):
        assert bench.main([name, "--help"]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"usage: flowbrush bench {name}") and "--device" in said


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["latency", "--url", "http://localhost:1", "--device", "cpu"], "leave it out with --url"),
        (
            ["latency", "realtime", "--url", "http://localhost:1", "--device", "cuda"],
            "leave it out with --url",
        ),
        (["wan", "--estimate", "H100", "--chunks", "9"], "--estimate runs nothing: leave --chunks out"),
        (["wan", "--estimate", "H100", "--reduced"], "--estimate runs nothing: leave --reduced out"),
    ],
)
def test_an_option_without_effect_is_refused(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = bench.main(argv)
    except SystemExit as ended:
        code = ended.code
    assert code == 2 and says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--device", "nonsense"], "device 'nonsense' is unknown: expected 'auto', 'cpu', 'cuda'"),
        (["latency", "--device", "cpu:7"], "device 'cpu:7' was asked for, but the last one is 'cpu:0'"),
        (["latency", "realtime", "--model", "nonsense"], "unknown model 'nonsense': expected one of"),
        (
            ["--url", "nonsense"],
            "--url is 'nonsense': expected one without a path, such as http://localhost:8000",
        ),
    ],
)
def test_what_there_is_not_is_told_before_a_part_begins(
    argv: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    try:
        code: object = bench.main(argv)
    except SystemExit as ended:
        code = ended.code
    assert code == 2 and says in capsys.readouterr().err


def test_a_part_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def main(self, argv: list[str]) -> None:
            ran.append((self.name, tuple(argv)))
            if self.name == "flowbrush.benchmarks.latency":
                raise ExceptionGroup("two", [RuntimeError("no frames came")])

    monkeypatch.setattr(importlib, "import_module", Part)
    assert bench.main(["latency", "sessions", "--quick"]) == 1
    assert ran == [
        ("flowbrush.benchmarks.latency", ("--quick",)),
        ("flowbrush.benchmarks.sessions", ("--quick",)),
    ]
    said = capsys.readouterr().err
    assert "bench latency: no frames came" in said and "1 of 2 parts" in said and "not latency" in said


def test_sigterm_ends_a_part_and_begins_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    class Part:
        def __init__(self, name: str) -> None:
            self.name = name

        def main(self, argv: list[str]) -> None:
            ran.append(self.name)
            signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, bench.terminate)
    monkeypatch.setattr(importlib, "import_module", Part)
    try:
        with pytest.raises(SystemExit) as ended:
            bench.main(["latency", "sessions", "--quick"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 128 + signal.SIGTERM and ran == ["flowbrush.benchmarks.latency"]


def test_options_of_one_part_are_refused_for_several(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["latency", "sessions", "--samples", "3"])
    assert ended.value.code == 2 and "--samples" in capsys.readouterr().err
