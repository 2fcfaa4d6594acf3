"""Some of those that are there, told from the others by no name."""

from __future__ import annotations

import pytest

from flowbrush.models.text.ones import LARGE, SMALL, Which, as_pronouns, which


@pytest.mark.parametrize(
    ("text", "meant", "heard"),
    [
        ("the red one drives away", Which(color="red", most=1), "it drives away"),
        ("make the bigger one blue", Which(size=LARGE, most=1), "make it blue"),
        ("Remove the small ones", Which(size=SMALL), "Remove them"),
        ("two of them leave", Which(most=2), "they leave"),
        ("take two of them away", Which(most=2), "take them away"),
        ("one of them sleeps", Which(most=1), "it sleeps"),
        ("now the other one jumps", Which(other=True, most=1), "now it jumps"),
        ("the others run", Which(other=True), "they run"),
        ("the one on the left jumps", Which(side="left", most=1), "it jumps"),
        ("the left one", Which(side="left", most=1), "it"),
        ("the red car drives away", None, "the red car drives away"),
        ("a red car and a blue one", None, "a red car and a blue one"),
        ("the other way", None, "the other way"),
    ],
)
def test_which_ones_are_meant(text: str, meant: Which | None, heard: str) -> None:
    assert (which(text), as_pronouns(text)) == (meant, heard)
