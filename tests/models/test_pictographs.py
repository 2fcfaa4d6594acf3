"""Pictographs in prompts are read by their names."""

from __future__ import annotations

import pytest

from flowbrush.models.text.pictographs import spelled

KNOWN = {
    "dog",
    "fox",
    "soccer",
    "ball",
    "star",
    "beach",
    "umbrella",
    "tree",
    "tropical",
    "fish",
    "white",
    "face",
}


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("two 🐶", "two  dog "),
        ("⚽⭐", " soccer ball , star "),
        ("⚽ ⭐", " soccer ball  , star "),
        ("🏖\ufe0f🐶", " beach \ufe0f, dog "),
        ("🐠 and 🐠", " tropical fish  and  tropical fish "),
        ("🐶 chasing 🐠", " dog  chasing  tropical fish "),
        ("a dog 🐠", "a dog , tropical fish "),
        ("a 🚀 and a dog", "a 🚀 and a dog"),
        ("日本 ½ © \U000e0041", "日本 ½ © \U000e0041"),
    ],
)
def test_a_pictograph_is_the_known_words_of_its_name(text: str, heard: str) -> None:
    assert spelled(text, KNOWN.__contains__, KNOWN.__contains__) == heard
