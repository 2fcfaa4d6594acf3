"""Who a prompt puts on water, and where that is."""

from __future__ import annotations

import pytest

from flowbrush.models.keyframes import Ground
from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.parsing.waters import scene_of
from flowbrush.pipelines.staging.layout import FOOT, arrange
from flowbrush.pipelines.staging.scenes import SceneMaker

SHORE = Ground(0.7, (0.35, 0.65))
SIZE = (320, 192)


@pytest.mark.parametrize(
    ("prompt", "scene", "homes"),
    [
        ("a boat", "beach", "afloat"),
        ("a ship in a storm", "beach", "afloat"),
        ("a duck swims", "beach", "afloat"),
        ("a duck on a pond", "beach", "afloat"),
        ("a penguin jumps into the cold water", "beach", "afloat"),
        ("a dog swimming in the sea", "beach", "afloat"),
        ("a dog in the deep blue sea", "beach", "afloat"),
        ("a dog in a house by the sea", "beach", "ground, ground"),
        ("a boat and a whale", "beach", "afloat, water"),
        ("a dolphin jumps out of the water", "beach", "water"),
        ("a fish", "under water", "water"),
        ("a fish swims in the sea", "under water", "water"),
        ("a jellyfish drifting in the deep blue sea", "under water", "water"),
        ("a shark in the ocean", "under water", "water"),
        ("a dolphin jumps in the sea", "beach", "water"),
        ("a fish in the water at the beach", "beach", "water"),
        ("a fish by the sea", "beach", "water"),
        ("a dolphin and a sailboat in the sea", "beach", "water, afloat"),
        ("a penguin on a whale", "beach", "ground, water"),
        ("a turtle swimming under water", "under water", "afloat"),
        ("a dog by the sea", "beach", "ground"),
        ("a dog at the sea", "beach", "ground"),
        ("a dog and a boat", None, "ground, afloat"),
        ("a house on the lake", "beach", "ground"),
        ("a boat at sunset", "sunset", "afloat"),
    ],
)
def test_who_is_on_water(model: PocketModel, prompt: str, scene: str | None, homes: str) -> None:
    told = SceneMaker(model).describe(((prompt, 1.0),))
    assert (told.scene, ", ".join(thing.home for thing in told.things)) == (scene, homes)


def test_a_prompt_without_things_has_no_scene_by_them() -> None:
    assert scene_of([]) is None


@pytest.mark.parametrize("prompt", ["a whale below a boat", "a boat above a whale"])
def test_what_swims_below_a_boat_is_at_the_bottom_and_the_boat_where_boats_are(
    model: PocketModel, prompt: str
) -> None:
    told = SceneMaker(model).describe(((prompt, 1.0),))
    found = {thing.label: (thing.height, thing.unheeded) for thing in told.things}
    assert found == {"whale": ("bottom", ()), "sailboat": ("", ())}


def feet(thing: Wanted) -> list[float]:
    """Where the feet of such a thing stand on a shore, in parts of the height."""
    placed = [arrange([thing], SIZE, (), seed, SHORE)[0] for seed in range(40)]
    return [(each.y + FOOT * each.size) / SIZE[1] for each in placed]


def test_what_floats_is_in_the_water_and_what_stands_is_not() -> None:
    boats = feet(Wanted("sailboat", home="afloat"))
    assert max(boats) <= 0.65 and 0.38 < min(boats) < 0.43, "its hull is below the horizon"
    assert max(feet(Wanted("duck", verb="swim", home="afloat"))) <= 0.65
    assert min(feet(Wanted("duck"))) >= 0.7 - 1e-6


def test_what_lives_in_a_sea_is_not_on_its_shore() -> None:
    """Its middle: of a whale half the height is empty."""
    middles = [foot - FOOT * 64 / 192 for foot in feet(Wanted("whale", home="water"))]
    assert min(middles) >= 0.349 and max(middles) <= 0.56


def test_what_flies_does_not_touch_the_ground() -> None:
    assert max(feet(Wanted("eagle", verb="fly", toward="left", home="air"))) <= 0.7 + 1e-6
    assert max(feet(Wanted("eagle", verb="fly", direction="down", home="air"))) <= 0.7 + 1e-6


def test_where_the_ground_begins_high_up_there_is_still_some_air() -> None:
    """A flock over a hill in the foreground is no row on a string."""
    hill = Ground(0.3)
    bees = [arrange([Wanted("bee", home="air")], SIZE, (), seed, hill)[0].y / SIZE[1] for seed in range(40)]
    assert 0.22 <= min(bees) and 0.3 < max(bees) < 0.33
