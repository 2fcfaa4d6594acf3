"""Numbers of things that pocket was not taught."""

from __future__ import annotations

import pytest

from flowbrush.models.text.quantities import TAUGHT, counted


@pytest.mark.parametrize(
    ("text", "heard", "stands"),
    [
        ("a pair of ducks, a couple of dogs", "two ducks, two dogs", {}),
        ("A group of penguins and a few stars", "several penguins and several stars", {}),
        ("lots of bees, a lot of cats, hundreds of dogs", "many bees, many cats, many dogs", {}),
        ("a dozen bees and 12 cats", "six bees and six cats", {"dozen": "six", "12": "six"}),
        ("seven dogs", "six dogs", {"seven": "six"}),
        ("2 dogs, six cats, 10", "2 dogs, six cats, 10", {}),
        ("at 7.30, 16:9, route-66 x, a pairing of", "at 7.30, 16:9, route-66 x, a pairing of", {}),
    ],
)
def test_a_number_is_the_nearest_that_was_taught(text: str, heard: str, stands: dict[str, str]) -> None:
    assert counted(text) == (heard, stands)
    assert all(word in heard.split() for word in stands.values()) and set(stands.values()) <= set(TAUGHT)
