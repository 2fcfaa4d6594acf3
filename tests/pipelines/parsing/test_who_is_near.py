"""Who is near another, as a prompt says."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.neighbours import with_neighbours
from flowbrush.pipelines.parsing.wanted import BEFORE, BEHIND, BESIDE, Wanted
from flowbrush.pipelines.reference.scenes import SceneMaker


@pytest.mark.parametrize(
    ("prompt", "near"),
    [
        ("a cat next to a dog", {"cat": (BESIDE, "dog")}),
        ("a cat sits beside the big dog", {"cat": (BESIDE, "dog")}),
        ("a dog in front of a house", {"dog": (BEFORE, "house")}),
        ("a small cat behind a huge tree", {"cat": (BEHIND, "tree")}),
        ("a house near a tree and a cat behind the house", {"house": (BESIDE, "tree"), "cat": (BEHIND, "house")}),
        ("a dog runs behind a tree", {}),
        ("a cat on the left, next to a dog", {}),
        ("two cats next to a dog", {}),
        ("a cat on a car next to a tree", {"car": (BESIDE, "tree")}),
        ("a cat and a dog", {}),
        ("a dog next to a dog", {}),
    ],
)  # fmt: skip
def test_who_is_near_whom(model: PocketModel, prompt: str, near: dict[str, tuple[str, str]]) -> None:
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    assert {thing.label: thing.near for thing in things if thing.near[0]} == near


def test_no_words_say_nothing() -> None:
    assert with_neighbours([Wanted("cat")], []) == [Wanted("cat")]
