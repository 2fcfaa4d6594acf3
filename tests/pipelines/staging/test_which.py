"""Which of those that are there a prompt means by no name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, RED, disc, stack

from flowbrush.models.pocket import PocketModel
from flowbrush.models.text.ones import LARGE, SMALL, Which
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.staging.scenes import SceneMaker
from flowbrush.pipelines.staging.which import those_ones

THREE = stack(disc(BLUE, 20, 20, 6), disc(RED, 80, 20, 12), disc(BLUE, 50, 20, 9))


@pytest.mark.parametrize(
    ("which", "places"),
    [
        (Which(color="red", most=1), [1]),
        (Which(color="blue"), [0, 2]),
        (Which(color="green", most=1), []),
        (Which(size=LARGE, most=1), [1]),
        (Which(size=SMALL), [0, 2]),
        (Which(side="left", most=1), [0]),
        (Which(side="right", most=1), [1]),
        (Which(side="middle", most=1), [2]),
        (Which(most=2), [1, 2]),
    ],
)
def test_ones_are_told_by_colour_size_and_side(which: Which, places: list[int]) -> None:
    assert those_ones(THREE, which) == places


def test_what_was_dyed_is_of_its_new_colour() -> None:
    dyed = THREE.with_layer(0, replace(THREE.layers[0], label="red disc"))
    assert those_ones(dyed, Which(color="red", most=1)) == [0]


def test_the_other_one_is_who_was_not_spoken_of() -> None:
    told = THREE.with_layer(2, replace(THREE.layers[2], told=(("a disc", 1.0),)))
    assert those_ones(told, Which(other=True, most=1)) == [2]


def test_who_leaves_is_none_of_them() -> None:
    leaving = THREE.with_layer(1, replace(THREE.layers[1], leaving=True))
    assert those_ones(leaving, Which(size=LARGE, most=1)) == [2]


def test_only_those_who_are_meant_hear_what_is_said(model: PocketModel) -> None:
    maker = SceneMaker(model)
    before: LayerStack = maker.stage((("a red car and a blue car", 1.0),), (320, 192), 5, [])
    after = maker._begin(before, (("the red one drives to the left", 1.0),))
    assert {layer.label: bool(layer.told) for layer in after.layers} == {"car": False, "blue car": True}
