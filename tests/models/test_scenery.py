"""Who speaks of waves and clouds means the picture, and no thing in it."""

from __future__ import annotations

import pytest

from flowbrush.models.text.scenery import is_of_scenery


@pytest.mark.parametrize(
    "text",
    [
        "the waves roll",
        "Clouds drift to the left",
        "the camera moves",
        "leaves fall",
        "the tall trees sway",
        "now the rain falls",
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
    ],
)
def test_somebody(text: str) -> None:
    assert not is_of_scenery(text)
