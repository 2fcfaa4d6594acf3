"""Who speaks of waves and clouds means the picture, and no thing in it."""

from __future__ import annotations

import pytest

from flowbrush.models.text.scenery import is_of_scenery, tells_of_scenery


@pytest.mark.parametrize(
    "text",
    [
        "the waves roll",
        "Clouds drift to the left",
        "the camera moves",
        "leaves fall",
        "the tall trees sway",
        "now the rain falls",
        "make the sky blue",
        "remove the background",
        "now turn the whole picture green",
    ],
)
def test_scenery(text: str) -> None:
    assert is_of_scenery(text)


@pytest.mark.parametrize(
    "text",
    [
        "the woman waves at us",
        "it jumps",
        "the horse runs",
        "he dances",
        "it runs on the grass",
        "the streetcar leaves the seaside",
        "remove the cup from the picture",
        "move the cat to the background",
    ],
)
def test_somebody(text: str) -> None:
    assert not is_of_scenery(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the water flows", True),
        ("waves crash", True),
        ("the sea is calm", True),
        ("clouds gather over the hills", True),
        ("the beach", False),
        ("the beach at night", False),
        ("waves on the beach", False),
        ("go to the beach", False),
        ("the horse runs", False),
    ],
)
def test_what_is_told_of_scenery_with_whatever_verb(text: str, told: bool) -> None:
    assert tells_of_scenery(text) is told
