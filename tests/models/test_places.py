"""Words for places up or down."""

from __future__ import annotations

import pytest

from flowbrush.models.text.places import PLACE, at_sides, place_words, said_of


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a star at the very top", [("height", "top")]),
        ("in the lower-right hand corner of the picture", [("height", "bottom"), ("side", "right")]),
        ("top left, a star", [("height", "top"), ("side", "left")]),
        ("a bee flies high above a tree", [("height", "top"), ("relation", "above")]),
        ("put a bird in the sky", [("height", "top")]),
        ("birds overhead, a fish underneath", [("height", "top"), ("relation", "below")]),
        ("over a house", [("relation", "above")]),
        ("on top of a house", []),  # who is on another thing sits on it: see `reference.seating`
        ("rises towards the top", [("direction", "up")]),
        ("a top hat, in the top hat, at the bottom of a hill, a high tree, the low wall, a lower step", []),
    ],
)
def test_places_are_found(text: str, said: list[tuple[str, str]]) -> None:
    assert [each for found in PLACE.finditer(text) for each in said_of(found)] == said


def test_words_of_places_are_told_from_others() -> None:
    assert place_words("A bee  in the Upper left corner, a corner shop") == {
        "in",
        "the",
        "upper",
        "left",
        "corner",
    }


def test_on_the_left_is_a_side_and_to_the_left_a_way() -> None:
    said = "on the left to the right at the left the right".split()
    way = ("direction", "left")
    made = at_sides(said, [way if word in ("left", "right") else ("", "") for word in said])
    assert [concept for concept in made if concept[0]] == [("side", "left"), way, ("side", "left"), way]
