"""The estimate for a GPU that is not here: its arithmetic is the network's, and it moves as hardware moves it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from flowbrush.benchmarks.estimate import DEVICES, Cost, estimate, frames_per_second
from flowbrush.benchmarks.physics import chunk_flops
from flowbrush.benchmarks.wan import main
from flowbrush.models.cards.registry import CARDS

H100 = DEVICES["H100"]
ONE_STEP = replace(CARDS["wan-1.3b"], steps=1, start_steps=1)


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    return estimate(ONE_STEP, H100)


def test_the_arithmetic_is_that_of_the_formula(costs: dict[str, Cost]) -> None:
    student = sum(cost.flops for part, cost in costs.items() if part != "decoder")
    assert student == pytest.approx(chunk_flops(ONE_STEP, 1), rel=0.02)
    assert costs["decoder"].flops == pytest.approx(
        3 * 0.544e12, rel=0.02
    )  # published: 0.544 Tflop a latent frame


def test_traffic_is_at_least_that_of_weights_and_keys(costs: dict[str, Cost]) -> None:
    """Two passes read all weights of the blocks, and two passes the keys and values of three chunks."""
    blocks = 2 * 30 * (6 * 1536 * 1536 + 2 * 1536 * 8960)
    keys = 2 * 2 * 30 * 3 * 4680 * 1536
    assert costs["linear layers"].bytes > 2 * blocks
    assert costs["attention to the past and itself"].bytes > 2 * keys
    small = costs["small operations"]
    assert 0 < small.fused_bytes < small.bytes / 2 and small.fused_launches < small.launches / 4


# Milliseconds of a chunk on an H200 with random weights and PyTorch 2.11, decoding included, by model and steps: eager, compiled.
MEASURED_MS = {("wan-1.3b", 3): (300.4, 229.5), ("krea-14b", 5): (2057.6, None), ("wan-5b", 4): (457.7, None)}


@pytest.mark.parametrize("case", MEASURED_MS)
def test_an_estimate_is_near_what_was_measured(case: tuple[str, int]) -> None:
    name, steps = case
    card = replace(CARDS[name], steps=steps, start_steps=steps)
    eager, compiled, waits = frames_per_second(card, estimate(card, DEVICES["H200"]))
    eager_ms, compiled_ms = MEASURED_MS[case]
    assert 1e3 * card.chunk_frames / eager == pytest.approx(eager_ms, rel=0.11) and not waits
    if compiled_ms:
        assert 1e3 * card.chunk_frames / compiled == pytest.approx(compiled_ms, rel=0.11)


def told(name: str, steps: int) -> tuple[str, str]:
    """What the table of docs/models.md says of an H100, in frames a second: in eager mode, and of compiled blocks."""
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{name}`[^|`]* \| {steps} \|.*\| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    return row


@pytest.mark.parametrize("case", MEASURED_MS)
def test_the_page_says_what_is_estimated(case: tuple[str, int]) -> None:
    name, steps = case
    card = replace(CARDS[name], steps=steps, start_steps=steps)
    eager, compiled, _ = frames_per_second(card, estimate(card, H100))
    assert told(name, steps) == (f"{eager:.0f}", f"{compiled:.0f}")


def test_an_estimate_is_the_same_each_time(costs: dict[str, Cost]) -> None:
    assert estimate(ONE_STEP, H100) == costs


def test_compiled_is_faster_and_so_is_more_bandwidth(costs: dict[str, Cost]) -> None:
    eager, compiled, _ = frames_per_second(ONE_STEP, costs)
    assert compiled > eager > 0
    wider = estimate(ONE_STEP, replace(H100, bandwidth=2 * H100.bandwidth))
    assert frames_per_second(ONE_STEP, wider)[0] > eager


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--model", "wan-1.3b", "--random-weights", "--steps", "1", "--estimate"]
    assert main([*asked, "H100"]) == 0
    out = capsys.readouterr().out
    assert (
        "frames/s with compiled blocks" in out and "three largest costs: " in out and '"fps_compiled"' in out
    )
    assert main([*asked, "abacus"]) == 2
    assert "no figures for 'abacus': expected one of H100" in capsys.readouterr().err
