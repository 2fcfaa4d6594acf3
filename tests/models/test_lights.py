"""What is said of fog, clouds and the end of a weather."""

from __future__ import annotations

import pytest

from flowbrush.models.text.lights import CLOUDS, FOG, clears, light_words, skies


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
    ],
)
def test_the_end_of_a_weather(said: str, over: bool) -> None:
    assert clears(said) is over


def test_words_that_say_so() -> None:
    assert {"foggy", "morning"} <= light_words("a foggy morning")
    assert light_words("a morning with a dog") == set()
