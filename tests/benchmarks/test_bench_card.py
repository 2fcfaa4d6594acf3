"""What every benchmark prints around its table."""

from __future__ import annotations

import json

import pytest

from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table


def test_the_machine_is_named() -> None:
    facts = machine()
    assert facts["cpu"] and facts["cores"] >= 1 and facts["load"] >= 0
    assert {"python", "torch", "system", "date"} <= set(facts)


def test_a_busy_machine_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_card("Speed", {**machine(), "load": 0.9}, {"model": "pocket"})
    assert "was busy" in capsys.readouterr().out
    print_card("Speed", {**machine(), "load": 0.1}, {"model": "pocket"})
    assert "was busy" not in capsys.readouterr().out


def test_the_last_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("what", "ms"), [("first", 12.34), ("second", 5.0)])
    finish("latency", machine(), {"model": "pocket"}, {"p50_ms": 12.3})
    *table, last = capsys.readouterr().out.strip().splitlines()
    assert table[0].split() == ["what", "ms"] and table[2].split() == ["first", "12.3"]
    found = json.loads(last)
    assert (
        found["benchmark"] == "latency"
        and found["p50_ms"] == 12.3
        and found["settings"] == {"model": "pocket"}
    )


def test_percentiles_are_measured_values() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, share) for share in (0, 0.5, 0.95, 1)] == [1.0, 3.0, 5.0, 5.0]
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
