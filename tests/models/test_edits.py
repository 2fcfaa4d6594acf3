"""Prompts that say what is to change, and not what a picture shows."""

from __future__ import annotations

import pytest

from flowbrush.models.text.edits import (
    ADD,
    BIGGER,
    DYE,
    GO,
    GROW,
    REMOVE,
    SMALLER,
    Edit,
    edited,
    said_of_change,
)


@pytest.mark.parametrize(
    ("said", "heard", "edit"),
    [
        ("Add a dog", "a dog", Edit(ADD)),
        ("please put a hat on the snowman", "a hat on the snowman", Edit(ADD)),
        ("another dog", "a dog", Edit(ADD)),
        ("two more cats on the left", "two cats on the left", Edit(ADD)),
        ("more fish", "fish", Edit(ADD)),
        ("now remove the cat.", "the cat", Edit(REMOVE)),
        ("no more cats", "the cats", Edit(REMOVE)),
        ("remove all dogs", "the dogs", Edit(REMOVE)),
        ("delete all of the dogs", "the dogs", Edit(REMOVE)),
        ("remove a dog", "a dog", Edit(REMOVE)),
        ("take the car away", "the car", Edit(REMOVE)),
        ("remove everything", "", Edit(REMOVE, everything=True)),
        ("make the car blue", "the blue car", Edit(DYE, hue="blue")),
        ("paint the two cars light grey", "the light grey two cars", Edit(DYE, hue="grey")),
        ("the car turns gold", "the gold car", Edit(DYE, hue="golden")),
        ("make them pink", "", Edit(DYE, hue="pink", everything=True)),
        ("make the dog much bigger", "the dog", Edit(GROW, BIGGER)),
        ("the dog and the cat shrink", "the dog and the cat", Edit(GROW, SMALLER)),
        ("the dog gets huge", "the dog", Edit(GROW, BIGGER**2)),
        ("make it night", "make it night", Edit(GO)),
        ("now in the snow", "in the snow", Edit(GO)),
        ("change the scene to a beach", "a beach", Edit(GO)),
    ],
)
def test_what_is_asked_for_is_said_without_asking(said: str, heard: str, edit: Edit) -> None:
    assert edited(said) == (heard, edit)


@pytest.mark.parametrize(
    "said",
    ["a dog", "make the dog run", "let it snow", "a dog gets bigger", "the dog runs", "turn left", "a blue car", "the car is blue",
     "addax", "no people", "a removed tree", ""],
)  # fmt: skip
def test_what_asks_for_nothing_stays_as_it_is(said: str) -> None:
    assert edited(said) == (said, None)


def test_words_that_ask_are_no_unknown_words() -> None:
    assert said_of_change("please add a unicorn") == {"please", "add"}
    assert said_of_change("the big dog leaves and the cat is gone") == {"leaves", "gone"}
    assert said_of_change("leaves fall, the leaves") == set()


@pytest.mark.parametrize(("times", "asks"), [(18, True), (20, False)])
def test_a_long_prompt_is_a_description(times: int, asks: bool) -> None:
    """What asks for a change is looked for in two hundred letters: in more, a chunk would wait."""
    assert (edited("add a dog" + " and a cat" * times)[1] is not None) is asks
