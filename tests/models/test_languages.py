"""Prompts in languages that pocket does not read are known by their small words."""

from __future__ import annotations

import pytest

from flowbrush.models.text.languages import is_foreign

ENGLISH = frozenset(
    "a an the dog cat runs over meadow on beach and in with at night car die fox its den is".split()
)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("ein Hund läuft über die Wiese", True),
        ("un chat noir sur la plage", True),
        ("el perro corre por la playa", True),
        ("кошка на пляже", True),
        ("一只猫", True),
        ("a dog runs over the meadow", False),
        ("a fox in its den", False),
        ("Las Vegas: a car at night", False),
        ("a die", False),
        ("zorble", False),
        ("🐶🐱", False),
        ("", False),
    ],
)
def test_a_language_is_known_by_its_small_words(text: str, foreign: bool) -> None:
    assert is_foreign(text, ENGLISH.__contains__) == foreign
