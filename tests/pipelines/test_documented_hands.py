"""The first examples that people run take hold of what they name: pocket's thing stands where the hand comes down."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/tutorials/first_stream.md",
    "docs/protocol.md",
    "web/README.md",
    "web/flowbrush.js",
)
BEGUN = re.compile(r"prompt[=:] ?['\"](a [^'\"]+)['\"], seed[=:] ?(\d+)")
HAND = re.compile(r"(?:path\(\[\(0, |drag\(\{ x: )([\d.]+), (?:y: )?([\d.]+)")

Hand = tuple[str, int, float, float, int]
"""Prompt and seed of a stream, where a hand comes down in it, and the chunks that are made before."""


def documented() -> set[Hand]:
    found: set[Hand] = set()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        programs = list(BEGUN.finditer(text))
        hands = list(HAND.finditer(text))
        assert len(programs) == len(hands) == 1, f"{page}: one program with one hand"
        found.add((programs[0][1], int(programs[0][2]), float(hands[0][1]), float(hands[0][2]), 1))
        for block in re.findall(r'```json\n(\{\n  "flowbrush".*?)```', text, re.DOTALL):
            file = json.loads(block)
            start, control = file["start"], file["controls"][0]
            point = control["points"][0]
            found.add((start["prompt"], start["seed"], point["x"], point["y"], control["chunk"]))
    return found


@pytest.fixture(scope="module")
def pocket() -> Generator:
    return Generator.load("pocket", seats=1, device="cpu", dtype="fp32")


@pytest.mark.parametrize(("prompt", "seed", "x", "y", "chunks"), sorted(documented()))
def test_a_documented_hand_holds_the_thing(
    pocket: Generator, prompt: str, seed: int, x: float, y: float, chunks: int
) -> None:
    state = pocket.start(StreamSettings("pocket", ((prompt, 1.0),), 320, 192, 16, seed))
    for _ in range(chunks):
        pocket.step([state], [()])
    label = pocket.probe(state, (x, y)).label
    pocket.release(state)
    assert label and label in prompt
