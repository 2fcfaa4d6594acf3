"""Prompts of two things that the evaluation asks: each names both, and what each is told is what is measured."""

from __future__ import annotations

import pytest

from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluation import streams
from flowbrush.training.evaluation.prompts import OPEN, PAIRS, UNLIKE, Pair


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load("pocket", seats=1, device="cpu", dtype="fp32")


def test_a_prompt_tells_its_things_what_is_measured(generator: Generator) -> None:
    assert len({pair.prompt for pair in (*PAIRS, *UNLIKE)}) == len(PAIRS) + len(UNLIKE) == 50
    for pair in (*PAIRS, *UNLIKE):
        told = {
            thing.label: thing for thing in generator.family.scenes.describe(((pair.prompt, 1.0),)).things
        }  # type: ignore[attr-defined]
        assert set(told) == {name for name, _ in pair.told}, pair.prompt
        for name, way in pair.told:
            falls = told[name].verb == "fall"
            assert told[name].direction == ("" if falls else way), pair.prompt
            assert bool(told[name].verb) == bool(way), pair.prompt


def test_each_thing_is_judged_by_itself(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("a dog runs to the left and a tree", (("dog", "left"), ("tree", "")))
    for gone, right in (
        ([(-0.2, 0.0), (0.0, 0.1)], [True, True]),
        ([(0.2, 0.0), (-0.1, 0.0)], [False, False]),
        ([(-0.02, 0.0), (0.02, 0.0)], [False, True]),
        ([(-0.2, 0.3), (0.0, 0.0)], [False, True]),
    ):
        monkeypatch.setattr(streams, "ways_gone", lambda *asked, gone=gone: gone)
        assert streams.told_apart(generator, pair, 0) == right


def test_how_far_things_go_is_read_from_a_stream(generator: Generator) -> None:
    (left, _), (stays, _) = streams.ways_gone(
        generator, "a car drives to the left and a house", ["car", "house"], 4
    )
    assert left < -0.1 and stays == 0


def test_who_is_told_to_go_and_no_way_leaves_its_place(generator: Generator) -> None:
    """Taken away, the horse has gone by 0.03 of the width after four seconds."""
    assert len(set(OPEN)) == len(OPEN) == 36
    for prompt, name in OPEN:
        (thing,) = generator.family.scenes.describe(((prompt, 1.0),)).things  # type: ignore[attr-defined]
        assert (thing.label, thing.direction, thing.way in ("left", "right")) == (name, "", True), prompt
    assert streams.left_its_place(generator, "a horse gallops on the beach", "horse", 5)
    assert not streams.left_its_place(generator, "a cat sleeps", "cat", 5)
