"""What is said of fog, clouds and the end of a weather."""

from __future__ import annotations

import pytest

from flowbrush.models.text.lights import CLOUDS, FOG, GREY, SEPIA, clears, light_words, skies, without_look


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("fog", [FOG]),
        ("It is foggy", [FOG]),
        ("a misty morning", [FOG]),
        ("the haze is thick, cloudy", [FOG, CLOUDS]),
        ("overcast", [CLOUDS]),
        ("the clouds drift to the left", []),
        ("a foghorn", []),
        ("fog in black and white", [GREY, FOG]),
    ],
)
def test_words_for_the_sky(said: str, heard: list[str]) -> None:
    assert skies(said) == heard


@pytest.mark.parametrize(
    ("said", "over"),
    [
        ("remove the fog", True),
        ("no more rain", True),
        ("it stops snowing", True),
        ("The storm is over", True),
        ("the fog lifts", True),
        ("clear skies", True),
        ("heavy rain", False),
        ("it is raining", False),
        ("remove the snowman", False),
        ("the snow falls", False),
        ("no more black and white", True),
        ("back to colour", True),
        ("Make it colorful again", True),
        ("remove the black and white cat", False),
        ("colour the car red", False),
    ],
)
def test_the_end_of_a_weather(said: str, over: bool) -> None:
    assert clears(said) is over


def test_words_that_say_so() -> None:
    assert {"foggy", "morning"} <= light_words("a foggy morning")
    assert light_words("a morning with a dog") == set()


@pytest.mark.parametrize(
    ("said", "look", "rest"),
    [
        ("black and white", GREY, ""),
        ("Make the photo black & white, please", GREY, ""),
        ("turn it into black and white", GREY, ""),
        ("greyscale", GREY, ""),
        ("make it look like a vintage photo", SEPIA, ""),
        ("a dog on the beach in black and white", GREY, "a dog on the beach"),
        ("a sepia photo of a dog", SEPIA, "a dog"),
        ("a black and white cat", "", "a black and white cat"),
        ("the cat is black and white", "", "the cat is black and white"),
        ("turn it into a black and white cat", "", "turn it into a black and white cat"),
        ("a vintage car", "", "a vintage car"),
    ],
)
def test_the_look_of_all_that_is_seen_and_of_no_cat(said: str, look: str, rest: str) -> None:
    assert skies(said) == ([look] if look else [])
    assert without_look(said) == rest
