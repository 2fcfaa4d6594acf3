"""Prompts that want one thing after the other: the first is done, and the person hears that the second is not."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.clauses import ClauseReader
from flowbrush.pipelines.parsing.later import now_and_later
from flowbrush.pipelines.staging.scenes import SceneMaker


@pytest.mark.parametrize(
    ("prompt", "now", "later"),
    [
        ("a dog runs left then right", "run left", ("then",)),
        ("a car drives to the left and then stops", "drive left", ("then",)),
        ("a ball bounces, finally it rolls to the left", "bounce", ("finally",)),
        ("a dog runs to the left, then a cat sleeps", "run left", ()),
        ("two cats, then a dog", "", ()),
        ("a dog runs to the left and jumps", "hop left", ()),
        ("the dog runs to the left, then make it bigger", "run left", ("make it",)),
        ("add a dog and remove the cat", "", ("remove the",)),
        ("remove the panda and add a cat in the snow", "", ("add a",)),
    ],
)
def test_the_first_is_done_and_the_rest_is_said(
    model: PocketModel, prompt: str, now: str, later: tuple[str, ...]
) -> None:
    told = SceneMaker(model).describe(((prompt, 1.0),))
    first = told.things[0]
    assert (" ".join(filter(None, [first.verb, first.direction])), told.later) == (now, later)


def test_what_is_left_out_is_not_heard_by_the_thing_either(model: PocketModel) -> None:
    reader = ClauseReader(model.text, SceneMaker(model).describe)
    ((text, _),) = reader.own((("a dog runs to the left then to the right", 1.0),), "dog", 0)
    assert text == "a dog runs to the left"


def test_a_prompt_that_begins_with_then_is_about_now(model: PocketModel) -> None:
    said = model.text.read("then it runs to the left")
    assert now_and_later(said) == (said, "")
