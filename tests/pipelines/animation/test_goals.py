"""Who goes to another goes to where that is, and is there when it is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, RED, WIDTH, disc, stack

from flowbrush.controls import Prompt, PromptSet
from flowbrush.pipelines.animation.goals import heading
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.parsing.wanted import ANYBODY, THERE, Goal
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.requests import StreamSettings

TO, AWAY = Goal("house"), Goal("house", away=True)


def dog(x: float, y: float = 40) -> Layer:
    return replace(disc(RED, x, y, 10), label="dog")


def house(x: float, y: float = 40, **more: object) -> Layer:
    return replace(disc(BLUE, x, y, 10), label="house", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "to", "away"),
    [(10, "right", "left"), (90, "left", "right"), (34, THERE, "left"), (66, THERE, "right"), (29, "right", "left")],
)  # fmt: skip
def test_it_is_where_the_other_is(x: float, to: str, away: str) -> None:
    """Round things of 20 pixels are there when their middles are 16 apart: they touch, and neither hides the other."""
    there = stack(dog(x, 60), house(50))
    assert heading(there, 0, TO) == to
    assert heading(there, 0, AWAY) == (away if 10 < x < WIDTH - 10 else THERE)


@pytest.mark.parametrize(("free", "way"), [(2.5, THERE), (4, THERE), (8, "left"), (16, "left")])
def test_who_goes_away_stops_at_the_rim(free: float, way: str) -> None:
    """So many pixels of the picture's 96 are beside it."""
    assert heading(stack(dog(10 + free), house(50)), 0, AWAY) == way


def test_who_flies_goes_up_and_down_to_it_when_it_is_above_or_below() -> None:
    bee = Goal("house", rises=True)
    assert heading(stack(dog(10, 10), house(50)), 0, bee) == "right"
    assert heading(stack(dog(44, 10), house(50)), 0, bee) == "down"
    assert heading(stack(dog(44, 60), house(50, 20)), 0, bee) == "up"
    assert heading(stack(dog(44, 30), house(50)), 0, bee) == THERE


def test_it_is_the_nearest_of_those_that_are_meant() -> None:
    two = stack(dog(40), house(90), house(10), replace(dog(75), number=1))
    assert heading(two, 0, TO) == "left"
    assert heading(two, 0, Goal(ANYBODY)) == "left" and heading(two, 3, Goal("dog")) == "left"
    gone = stack(dog(40), house(10, leaving=True), replace(house(90), label="red house"))
    assert heading(gone, 0, Goal("red house")) == "right" and heading(gone, 0, Goal("blue house")) == THERE
    assert heading(gone, 0, TO) == "right", "who leaves is no goal, and a red house is a house"
    assert heading(stack(dog(40), replace(house(60), label="")), 0, Goal(ANYBODY)) == THERE, "of a photo"
    assert heading(stack(dog(40)), 0, TO) == THERE, "it was taken away"


@pytest.fixture
def generator() -> Generator:
    return Generator.load("pocket", seats=1, device="cpu", dtype="fp32")


def played(generator: Generator, first: str, then: str, chunks: int) -> LayerStack:
    """What stands where after so many chunks of the second prompt."""
    state = generator.start(StreamSettings("pocket", ((first, 1.0),), 320, 192, 16.0, seed=5))
    generator.step([state], [()])
    for chunk in range(chunks):
        generator.step([state], [() if chunk else [PromptSet(prompts=(Prompt(text=then),))]])
    return state.memory  # type: ignore[return-value]


def test_a_dog_that_runs_to_a_house_comes_there_and_stays(generator: Generator) -> None:
    places = {
        layer.label: layer.pose.x
        for layer in played(generator, "a house and a dog", "the dog runs to the house", 30).layers
    }
    gap = places["dog"] - places["house"]
    assert 0 < gap < 60, "they are 58 and 64 pixels wide, and touch"


def test_who_run_to_each_other_meet(generator: Generator) -> None:
    one, other = played(generator, "a dog and a cat", "they run towards each other", 16).layers
    assert abs(one.pose.x - other.pose.x) < 60
