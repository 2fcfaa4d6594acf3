"""Ways that a prompt leaves open: from whom and to whom things go, and where such things look."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.wanted import IN_PLACE, Goal, Wanted
from flowbrush.pipelines.parsing.ways import TRAVELS, with_ways
from flowbrush.pipelines.staging.scenes import SceneMaker


def said(prompt: str, model: PocketModel) -> list[str]:
    """Of each thing its name, its side if it has one, and where it goes."""
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    return [
        " ".join(filter(None, [str(thing.count), thing.called, thing.side and f"on {thing.side}", thing.way]))
        for thing in things
    ]


@pytest.mark.parametrize(
    ("prompt", "ways"),
    {
        "a horse gallops on the beach": "1 horse left",
        "a rocket flies through the night": "1 rocket right",
        "two birds flying in the sky": "2 eagle left",
        "a dog runs to the right": "1 dog right",
        "a bee flies up": "1 bee up",
        "a dog on the left runs": "1 dog on left right",
        "a dog on the right runs": "1 dog on right left",
        "a cat sleeps, a ball bounces": "1 cat, 1 soccer ball",
        "a dog runs to a tree": "1 dog on left right, 1 tree on right",
        "a fire engine drives to a burning house": "1 fire engine on left right, 1 house on right, 1 fire",
        "a dog walks towards the tree on the left": "1 dog on right left, 1 tree on left",
        "a dog on the right runs to a house": "1 dog on right left, 1 house on left",
        "a rabbit jumps over a mushroom": "1 rabbit on left right, 1 mushroom on right",
        "a cat runs away from a dog": "1 cat on middle left, 1 dog on right",
        "a dog chases a cat": "1 dog on left right, 1 cat on middle right",
        "a dog chases a cat to the left": "1 dog left, 1 cat left",
        "a dog in the middle chases a cat": "1 dog on middle left, 1 cat on middle left",
        "a helicopter above the road following a car": "1 helicopter on middle left, 1 car on middle left",
        "a dog runs through trees": "1 dog left, 2 tree",
        "a dog runs by a tree": "1 dog left, 1 tree",
        "a running dog and a sleeping cat": "1 dog left, 1 cat",
        "a rolling ball and two running dogs": "1 soccer ball left, 2 dog left",
        "a dog and a cat run towards each other": "1 dog on left right, 1 cat on right left",
        "two dogs run towards one another": "1 dog on left right, 1 dog on right left",
        "a dog and a cat run away from each other": "1 dog left, 1 cat right",
        "three dogs run to each other": "3 dog on left right",
        "a bird flies from a tree to the left": "1 eagle left, 1 tree",
        "a dog sleeps and a cat sleeps next to each other": "1 dog, 1 cat",
        "a rabbit jumps up and down": "1 rabbit",
        "a ball rolls back and forth": "1 soccer ball",
        "a balloon floats": "1 balloon",
        "a balloon floats away": "1 balloon left",
    }.items(),
)
def test_who_goes_where(model: PocketModel, prompt: str, ways: str) -> None:
    assert ", ".join(said(prompt, model)) == ways


def test_what_is_told_a_way_or_goes_nowhere_keeps_it() -> None:
    told = [Wanted("dog", verb="run", direction=way) for way in ("left", "up", IN_PLACE)]
    still = [Wanted("cat", verb=verb) for verb in ("", "rest", "bounce", "float", "fall")]
    assert with_ways([*told, *still], ()) == [*told, *still]
    assert all(with_ways([Wanted("cat", verb=verb)], ())[0].way == "left" for verb in TRAVELS)


@pytest.mark.parametrize(
    ("prompt", "goal"),
    [
        ("a dog runs to a house", Goal("house")),
        ("a dog runs away from a cat", Goal("cat", away=True)),
        ("a bee flies from the tree to a rose", Goal("rose", rises=True)),
        ("a red ball rolls to a blue ball", Goal("blue soccer ball")),
        ("a blue car drives to the red car", Goal("car")),
        ("a red car drives to the blue car", Goal("blue car")),
        ("a dog by a tree runs to a house", Goal("house")),
        ("a horse walks behind a tree", Goal("tree")),
        ("three dogs run to each other", Goal("dog")),
        ("a dog runs after a cat", None),
        ("a dog chases a cat", None),
        ("a dog runs past a tree", None),
        ("a rabbit jumps over a house", None),
        ("a dog runs", None),
    ],
)
def test_who_goes_to_another_has_a_goal_and_who_passes_it_or_drives_it_has_none(
    model: PocketModel, prompt: str, goal: Goal | None
) -> None:
    assert SceneMaker(model).describe(((prompt, 1.0),)).things[0].goal == goal


def test_all_who_do_it_have_the_goal(model: PocketModel) -> None:
    things = SceneMaker(model).describe((("a dog and a cat run to the ball and a cow sleeps", 1.0),)).things
    assert [thing.goal for thing in things] == [Goal("soccer ball"), Goal("soccer ball"), None, None]


@pytest.mark.parametrize(
    ("prompt", "verbs"),
    [
        ("a cat chases a butterfly", ["run", "fly"]),
        ("a cat runs after a fish", ["run", "swim"]),
        ("an eagle chases a rabbit", ["fly", "run"]),
        ("a cat runs to a butterfly", ["run", ""]),
    ],
)
def test_in_a_chase_each_goes_as_such_things_do(model: PocketModel, prompt: str, verbs: list[str]) -> None:
    """A butterfly that was told to run stayed where it was."""
    assert [thing.verb for thing in SceneMaker(model).describe(((prompt, 1.0),)).things] == verbs


@pytest.mark.parametrize(
    ("prompt", "chase"),
    [
        ("a dog chases a rabbit", ["rabbit", "rabbit"]),
        ("a police car follows a red car", ["car", "car"]),
        ("a dog and a cat run away from each other", ["dog", "dog"]),
        ("two foxes run to each other", ["fox", "fox"]),
        ("a dog runs to a rabbit", ["", ""]),
    ],
)
def test_who_is_chased_and_who_chases_go_together(model: PocketModel, prompt: str, chase: list[str]) -> None:
    assert [thing.chase for thing in SceneMaker(model).describe(((prompt, 1.0),)).things] == chase
