"""Words for mere going, rising and coming down, in words that pocket was taught."""

from __future__ import annotations

import pytest

from flowbrush.models.text.going import FLY, RUN, WALK, going
from flowbrush.training.captions import vocabulary


@pytest.mark.parametrize(
    ("said", "heard"),
    {
        "A car moves to the left": "a car walks to the left",
        "cars move slowly left, a car is moving away": "cars walk slowly left, a car is walking away",
        "a dog went through the meadow": "a dog walked through the meadow",
        "an ambulance speeds to the left": "an ambulance runs to the left",
        "a turtle swims and a shark follows it": "a turtle swims and a shark walks it",
        "a taxi passes a bus, a mountain pass, what follows": "a taxi walks a bus, a mountain pass, what follows",
        "a dog approaches a cat, a bus reached a tree": "a dog walks to a cat, a bus walked to a tree",
        "the cat returns to the house": "the cat walks to the house",
        "a dog followed by a cat": "a dog followed by a cat",
        "a balloon moves up": "a balloon flies up",
        "a car goes up the hill": "a car walks along the hill",
        "a car drives down the road": "a car drives along the road",
        "a balloon goes up the sky": "a balloon goes up the sky",
        "an apple falls down the hill": "an apple falls down the hill",
        "a rabbit jumps up, a ball bounces slowly down": "a rabbit jumps, a ball bounces slowly",
        "a dog runs up to a cat": "a dog runs to a cat",
        "a rabbit hops up and down": "a rabbit hops up and down",
        "a monkey eating a banana": "a monkey next to a banana",
        "a cow eats slowly, it holds on": "a cow eats slowly, it holds on",
        "a dog plays with its ball": "a dog hops up and down next to its ball",
        "a dog and a cat playing together": "a dog and a cat hopping up and down",
        "two cats play with each other, a cat plays": "two cats hop up and down, a cat plays",
        "a bird flies up": "a bird flies up",
        "a boat sailing on the sea": "a boat sails on the sea",
        "two ships are slowly sailing": "two ships sail",
        "a sailing boat": "a sailing boat",
        "a dog goes home, moving clouds": "a dog goes home, moving clouds",
        "a bear head to the left": "a bear head to the left",
        "a rocket takes off": "a rocket flies up",
        "a bird is rising up": "a bird is flying up",
        "a rose, the rising sun": "a rose, the rising sun",
        "a spaceship lands on the moon": "a spaceship flies down on the moon",
        "the land of snow": "the land of snow",
        "a bee descends down": "a bee flies down",
        "a cat comes from the left": "a cat walks to the right",
        "a frog hops from left to right": "a frog hops from left to right",
        "": "",
    }.items(),
)
def test_who_says_moves_means_walks(said: str, heard: str) -> None:
    assert going(said) == heard


def test_the_words_that_stand_for_others_were_taught() -> None:
    assert {*WALK, *RUN, *FLY, "up", "down"} - {"walked"} <= set(vocabulary()), "walked is a form of walk"
