"""Which words under a photo are no guess though nobody was ever taught them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, disc, stack

from flowbrush.models.text.edits import ADD, REMOVE, Edit
from flowbrush.pipelines.parsing.description import Description
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.staging.understood import understood

REMOVES = Description(edit=Edit(REMOVE))
RUNS = Description(of_what_is_there=True, tells_deeds=True)
WORN = Description(things=(Wanted("top hat", on=IT),), edit=Edit(ADD))
SHOWN = stack(replace(disc(BLUE, 60, 30), label=IT, cut=True))


@pytest.mark.parametrize(
    ("text", "told", "there", "heard"),
    [
        ("remove the cup", REMOVES, SHOWN, {"cup"}),
        ("the coffee cup runs to the kitchen", RUNS, SHOWN, {"coffee", "cup"}),
        ("it runs to the kitchen", RUNS, SHOWN, set()),
        ("remove the cup", REMOVES, stack(), set()),
        ("remove the cup", REMOVES, replace(SHOWN, label="beach"), set()),
        ("remove the cup", replace(REMOVES, of_scenery=True), SHOWN, set()),
        ("the dog runs from the cup", replace(RUNS, things=(Wanted("dog"),)), SHOWN, set()),
        ("add a cup", Description(edit=Edit(ADD)), SHOWN, set()),
        ("a cup", Description(of_what_is_there=True), SHOWN, set()),
        ("a foggy morning", Description(), stack(), {"foggy", "morning"}),
        ("a foggy morning", Description(), replace(stack(), label="beach"), set()),
        ("put a hat on her head", WORN, SHOWN, {"head"}),
        ("a hat by her head", replace(WORN, things=(Wanted("top hat"),)), SHOWN, set()),
    ],
)
def test_words_that_mean_something_of_a_photo(
    text: str, told: Description, there: LayerStack, heard: set[str]
) -> None:
    unknown = dict.fromkeys("cup coffee kitchen foggy morning head".split(), "")
    assert understood(text, told, there, {word: "" for word in unknown if word in text}) == heard


def test_what_has_something_in_its_place_is_a_guess_still() -> None:
    assert understood("the bird runs", RUNS, SHOWN, {"bird": "eagle"}) == set()
