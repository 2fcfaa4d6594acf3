"""Who is near another, as a prompt says."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.neighbours import with_neighbours
from flowbrush.pipelines.parsing.wanted import BEFORE, BEHIND, BESIDE, BETWEEN, Wanted
from flowbrush.pipelines.staging.scenes import SceneMaker


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
        ("a monkey eats a banana", {"monkey": (BESIDE, "banana")}),
        ("a dog plays with a ball", {"dog": (BESIDE, "soccer ball")}),
        ("a fox sleeps under a tree", {"fox": (BEFORE, "tree")}),
        ("two foxes under a tree", {}),
    ],
)  # fmt: skip
def test_who_is_near_whom(model: PocketModel, prompt: str, near: dict[str, tuple[str, str]]) -> None:
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    assert {thing.label: thing.near for thing in things if thing.near[0]} == near


@pytest.mark.parametrize(
    ("prompt", "who", "near"),
    [
        ("a tree between a cat and a dog", "tree", ("cat", "dog")),
        ("a cat sits between a big tree and the house", "cat", ("tree", "house")),
        ("a fish between two sharks", "fish", ("shark", "shark")),
        ("a house in the middle of two trees", "house", ("tree", "tree")),
        ("a bird in between a tree and a house", "eagle", ("tree", "house")),
        ("between two trees stands a house", "house", ("tree", "tree")),
        ("between a dog and a cat, a tree", "tree", ("dog", "cat")),
        ("between a dog, a cat", "cat", None),
        ("a tree between them", "tree", ("", "")),
        ("put the cat between the two of them", "cat", ("", "")),
        ("a dog runs between a cat and a tree", "dog", None),
        ("a dog between a cat", "dog", None),
        ("a dog between a dog and a cat", "dog", None),
    ],
)
def test_who_is_between_whom(model: PocketModel, prompt: str, who: str, near: tuple[str, str] | None) -> None:
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    thing = next(each for each in things if each.label == who)
    assert (thing.near[0] == BETWEEN) == (near is not None)
    assert near is None or (thing.near[1], thing.near_too) == near


def test_no_words_say_nothing() -> None:
    assert with_neighbours([Wanted("cat")], []) == [Wanted("cat")]
