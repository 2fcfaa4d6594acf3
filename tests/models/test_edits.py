"""Prompts that say what is to change, and not what a picture shows."""

from __future__ import annotations

import pytest

from flowbrush.models.text.edits import (
    ADD,
    BIGGER,
    CAMERA,
    DYE,
    GO,
    GROW,
    ONLY,
    PACE,
    PLACE,
    REMOVE,
    REPLACE,
    SMALLER,
    SWAP,
    TURN,
    Edit,
    edited,
    first_asked,
    said_of_change,
)


@pytest.mark.parametrize(
    ("said", "heard", "edit"),
    [
        ("Add a dog", "a dog", Edit(ADD)),
        ("please put a hat on the snowman", "a hat on the snowman", Edit(ADD)),
        ("another dog", "a dog", Edit(ADD)),
        ("another one", "", Edit(ADD, everything=True, more=1)),
        ("two more of them", "", Edit(ADD, everything=True, more=2)),
        ("suddenly a shark appears", "a shark", Edit(ADD)),
        ("no cats", "the cats", Edit(REMOVE)),
        ("take the hat off", "the hat", Edit(REMOVE)),
        ("everything blue", "", Edit(DYE, hue="blue", everything=True)),
        ("make the red one bigger", "", Edit(GROW, BIGGER, everything=True)),
        ("two of them leave", "", Edit(REMOVE, everything=True)),
        ("two more cats on the left", "two cats on the left", Edit(ADD)),
        ("more fish", "fish", Edit(ADD)),
        ("a shark comes", "a shark", Edit(ADD)),
        ("stars appear", "stars", Edit(ADD)),
        ("the stars appear", "the stars appear", None),
        ("a shark comes to the left", "a shark comes to the left", None),
        ("now remove the cat.", "the cat", Edit(REMOVE)),
        ("no more cats", "the cats", Edit(REMOVE)),
        ("remove all dogs", "the dogs", Edit(REMOVE)),
        ("delete all of the dogs", "the dogs", Edit(REMOVE)),
        ("remove a dog", "a dog", Edit(REMOVE)),
        ("take the car away", "the car", Edit(REMOVE)),
        ("remove everything", "", Edit(REMOVE, everything=True)),
        ("make the car blue", "the car", Edit(DYE, hue="blue")),
        ("paint the two cars light grey", "the two cars", Edit(DYE, hue="grey")),
        ("the car turns gold", "the car", Edit(DYE, hue="golden")),
        ("make them pink", "", Edit(DYE, hue="pink", everything=True)),
        ("make the dog much bigger", "the dog", Edit(GROW, BIGGER)),
        ("the dog and the cat shrink", "the dog and the cat", Edit(GROW, SMALLER)),
        ("the dog gets huge", "the dog", Edit(GROW, BIGGER**2)),
        ("make it night", "make it night", Edit(GO)),
        ("now in the snow", "in the snow", Edit(GO)),
        ("change the scene to a beach", "a beach", Edit(GO)),
        ("a bird appears", "a bird", Edit(ADD)),
        ("a bird flies by", "a bird flies by", Edit(ADD)),
        ("two dogs join them", "two dogs", Edit(ADD)),
        ("and a dog", "a dog", Edit(ADD)),
        ("with a dog in the back", "a dog in the back", Edit(ADD)),
        ("there is also a cat", "a cat", Edit(ADD)),
        ("only the cat", "the cat", Edit(ONLY)),
        ("clear", "", Edit(REMOVE, everything=True)),
        ("without the cat", "the cat", Edit(REMOVE)),
        ("turn the dog into a horse", "the dog", Edit(REPLACE, instead="a horse")),
        ("turn the dogs into cats", "the dogs", Edit(REPLACE, instead="cats")),
        ("turn it into a beach", "", Edit(REPLACE, instead="a beach", everything=True)),
        ("the dog becomes a horse", "the dog", Edit(REPLACE, instead="a horse")),
        ("the frog turns into a rabbit", "the frog", Edit(REPLACE, instead="a rabbit")),
        ("make the dog a horse", "the dog", Edit(REPLACE, instead="a horse")),
        ("replace the dog with two cats", "the dog", Edit(REPLACE, instead="two cats")),
        ("swap the dog for a horse", "the dog", Edit(REPLACE, instead="a horse")),
        ("a horse instead of the dog", "the dog", Edit(REPLACE, instead="a horse")),
        ("the cat and the dog swap places", "the cat and the dog", Edit(SWAP)),
        ("swap the cat and the dog", "the cat and the dog", Edit(SWAP)),
        ("they change places", "", Edit(SWAP, everything=True)),
        ("move the cat to the left", "the cat at the left", Edit(PLACE, side="left")),
        ("put the cat in the middle", "the cat in the middle", Edit(PLACE, side="middle")),
        ("the cat is on the right side", "the cat at the right", Edit(PLACE, side="right")),
        ("move it to the top of the picture", "", Edit(PLACE, height="top", everything=True)),
        ("faster", "", Edit(PACE, manner="fast", everything=True)),
        ("slow down please", "", Edit(PACE, manner="slow", everything=True)),
        ("the dog speeds up", "the dog", Edit(PACE, manner="fast")),
        ("make the dog much slower", "the dog", Edit(PACE, manner="slow")),
        ("turn around", "", Edit(TURN, everything=True)),
        ("flip it", "", Edit(TURN, everything=True)),
        ("mirror the dog", "the dog", Edit(TURN)),
        ("bigger", "", Edit(GROW, BIGGER, everything=True)),
        ("much smaller", "", Edit(GROW, SMALLER, everything=True)),
        ("the dog goes back", "the dog", Edit(TURN)),
        ("go the other way", "", Edit(TURN, everything=True)),
        ("the dog comes closer", "the dog", Edit(GROW, BIGGER)),
        ("the dog goes further away", "the dog", Edit(GROW, SMALLER)),
        ("zoom in", "", Edit(CAMERA, everything=True)),
        ("the camera pans to the left", "", Edit(CAMERA, everything=True)),
    ],
)
def test_what_is_asked_for_is_said_without_asking(said: str, heard: str, edit: Edit) -> None:
    assert edited(said) == (heard, edit)


@pytest.mark.parametrize(
    "said",
    ["a dog", "make the dog run", "let it snow", "a dog gets bigger", "the dog runs", "turn left", "a blue car", "the car is blue",
     "addax", "no cats and a dog", "a removed tree", "", "turn the dog", "a dog runs to the left", "a dog runs up the hill",
     "the dog runs around",
     "the cat sits on the left chair", "a cat and a dog in the meadow", "a zoom lens", "the dog runs faster", "no dogs run, a cat",
     "a dog comes closer", "bring it to life", "a bigger dog"],
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


@pytest.mark.parametrize(
    ("said", "first", "second"),
    [
        ("Remove the cat and add a dog", "Remove the cat", "add a"),
        ("make it night, then make it snow", "make it night", "make it"),
        ("add a dog, and then please remove the cat", "add a dog", "remove the"),
        ("make the dog and the cat bigger", "make the dog and the cat bigger", ""),
        ("and add a dog", "and add a dog", ""),
        ("a dog and a cat", "a dog and a cat", ""),
        ("then make it night", "then make it night", ""),
    ],
)
def test_of_two_changes_the_first_is_done(said: str, first: str, second: str) -> None:
    assert first_asked(said) == (first, second)
    assert edited(said) == edited(first)
