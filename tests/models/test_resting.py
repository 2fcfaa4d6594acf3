"""Words for stopping and staying, in those that pocket was taught."""

from __future__ import annotations

import pytest

from flowbrush.models.text.going import going
from flowbrush.models.text.resting import resting
from flowbrush.training.captions import vocabulary


@pytest.mark.parametrize(
    ("said", "heard"),
    {
        "It stops": "it rests",
        "Stop!": "rest!",
        "please stop": "please rest",
        "they stop": "they rest",
        "a dog stops and sits down": "a dog rests and sits down",
        "it stands still": "it rests",
        "two cats are still": "two cats rest",
        "the dogs stay still": "the dogs rest",
        "a cat is still running": "a cat is still running",
        "it does not move": "it rests",
        "it stops running": "it rests",
        "the dog is not running": "the dog rests",
        "a dog that never moves": "a dog that rests",
        "the cat doesn't run at all": "the cat rests",
        "they no longer swim, without moving": "they rests, rests",
        "do not remove the cat": "do not remove the cat",
        "the car is not red": "the car is not red",
        "a bus stops, a car stopped by a tree": "a bus rests, a car resting by a tree",
        "a dog runs and stops": "a dog runs and rests",
        "the bus stop, the waiting room": "the bus stop, the waiting room",
        "": "",
    }.items(),
)
def test_who_stops_rests(said: str, heard: str) -> None:
    assert resting(said) == going(said) == heard


def test_the_words_that_stand_for_others_were_taught() -> None:
    assert {"rest", "rests", "resting"} <= set(vocabulary())
