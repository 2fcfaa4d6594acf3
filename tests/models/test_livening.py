"""Who asks that a picture moves has it sway: that much is known."""

from __future__ import annotations

import pytest

from flowbrush.models.text.going import going
from flowbrush.models.text.livening import livening


@pytest.mark.parametrize(
    ("said", "heard"),
    {
        "Make it move": "it sways",
        "make the picture move": "it sways",
        "please make it come alive!": "it sways",
        "let them move": "they sway",
        "make the dog move a bit": "the dog sways",
        "bring it to life": "it sways",
        "bring the old cat to life": "the old cat sways",
        "animate": "it sways",
        "Animate the photo.": "it sways",
        "animate the horse": "the horse sways",
        "she moves": "it sways",
        "everything is moving": "they sway",
        "the horse comes alive": "the horse sways",
    }.items(),
)
def test_who_is_to_move_sways(said: str, heard: str) -> None:
    assert livening(said) == going(said) == heard


@pytest.mark.parametrize(
    "said",
    [
        "it moves to the left",
        "the camera moves",
        "make it move up",
        "a moving truck",
        "do not move",
        "an animated film",
        "it jumps",
        "",
    ],
)
def test_other_words_stay(said: str) -> None:
    assert livening(said) == said
