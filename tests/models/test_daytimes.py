"""What is said of the sun and of the time of day."""

from __future__ import annotations

import pytest

from flowbrush.models.text.daytimes import day_words, daytimes, is_by_day
from flowbrush.models.text.scenes import scene_near


@pytest.mark.parametrize(
    ("said", "scene"),
    [
        ("the sun goes down", "sunset"),
        ("the sun is setting", "sunset"),
        ("the sun has just gone down", "sunset"),
        ("the sun comes up", "sunset"),
        ("it gets dark", "night"),
        ("make it darker", "night"),
        ("it snows", "snow"),
        ("it starts to snow", "snow"),
        ("a dog in the sun", None),
        ("a dark horse", None),
    ],
)
def test_what_the_sun_does_is_a_scene(said: str, scene: str | None) -> None:
    heard = daytimes(said)
    assert (None if heard == said else scene_near(heard)) == scene


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("make it day", True),
        ("it's a sunny day", True),
        ("Morning comes", True),
        ("the sun is shining", True),
        ("daytime", True),
        ("in broad daylight", True),
        ("sunny", True),
        ("make it brighter", True),
        ("sunshine", True),
        ("sunny side up", False),
        ("make it light blue", False),
        ("a sunflower", False),
        ("a day at the beach", False),
        ("at the end of the day", False),
        ("every day a dog runs", False),
        ("a sunday dog", False),
    ],
)
def test_words_for_day(said: str, day: bool) -> None:
    assert is_by_day(said) is day


def test_words_for_day_are_no_unknown_words() -> None:
    assert day_words("now make it day") == {"make", "it", "day"}
    assert day_words("a dog") == set()
