"""Who is to be there no longer."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.departures import LEAVE, with_departures
from flowbrush.pipelines.staging.scenes import SceneMaker


@pytest.mark.parametrize(
    ("prompt", "leaves"),
    {
        "the cat disappears": ["cat"],
        "the dog and the cat vanish": ["dog", "cat"],
        "the dog runs and the cat slowly disappears": ["cat"],
        "the dog is gone": ["dog"],
        "the dog leaves": ["dog"],
        "the rocket flies up and disappears": ["rocket"],
        "a tree with leaves": [],
        "a dog and leaves": [],
        "the dog runs": [],
    }.items(),
)
def test_who_leaves(model: PocketModel, prompt: str, leaves: list[str]) -> None:
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    assert [thing.label for thing in things if thing.leaves] == leaves
    assert not any(thing.verb == LEAVE for thing in things), "the student has no such verb"


def test_leaves_that_fall_are_no_deed(model: PocketModel) -> None:
    said = model.text.read("the tree leaves fall")
    assert not any(each.name == LEAVE for each in with_departures(model.text.read("leaves"))), said


@pytest.mark.parametrize(
    ("prompt", "gone"),
    {
        "the bird flies away": ["eagle"],
        "the dog and the cat run off": ["dog", "cat"],
        "the dog runs away to the left": ["dog"],
        "a bird flies away": [],
        "the dog runs away from the cat": [],
        "the dog runs to the left": [],
        "turn the light off": [],
    }.items(),
)
def test_who_goes_away_for_good(model: PocketModel, prompt: str, gone: list[str]) -> None:
    """Who is there already: one that a prompt brings would never be seen."""
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    assert [thing.label for thing in things if thing.goes_off] == gone


def test_it_goes_away_for_good(model: PocketModel) -> None:
    reader = SceneMaker(model).clauses
    for text, gone in (("it flies away", True), ("it flies to the left", False)):
        thing = reader.wanted(((text, 1.0),), "eagle", 0)
        assert thing is not None and thing.goes_off is gone
