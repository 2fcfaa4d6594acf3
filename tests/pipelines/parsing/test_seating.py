"""Who a prompt puts on another thing, and who goes then."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.seating import seated
from flowbrush.pipelines.parsing.wanted import VEHICLES, Wanted
from flowbrush.pipelines.staging.scenes import SceneMaker
from flowbrush.training.world import verbs


def said(prompt: str, model: PocketModel) -> str:
    """Each thing with what it is on, and what it does."""
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    return ", ".join(
        " ".join(filter(None, [thing.called, thing.on and f"on {thing.on}", thing.verb, thing.way]))
        for thing in things
    )


@pytest.mark.parametrize(
    ("prompt", "things"),
    {
        "a cat sits on a car": "cat on car rest, car",
        "a red bird on a big blue car": "red eagle on car, blue car",
        "a dog and a cat on a tree": "dog on tree, cat on tree, tree",
        "a cat, two dogs and a mouse sit on a bus": "cat on bus rest, dog on bus rest, mouse on bus rest, bus",
        "a car and a cat on a house": "car, cat on house, house",
        "a house and a cat on a tree": "house, cat on tree, tree",
        "a dog by a ball and a cat on a tree": "dog, soccer ball on tree, cat on tree, tree",
        "a dog runs and a cat sits on a car": "dog run left, cat on car rest, car",
        "a dog, a cat on a car": "dog, cat on car, car",
        "a star on top of a pine tree": "star on pine tree, pine tree",
        "an owl in a tree": "owl on tree, tree",
        "a frog jumps onto a mushroom": "frog on mushroom hop, mushroom",
        "a monkey rides a horse": "monkey on horse, horse walk left",
        "a monkey riding on a horse to the right": "monkey on horse, horse walk right",
        "a monkey on a horse runs quickly": "monkey on horse, horse run left",
        "a dog on a bus driving to the right": "dog on bus, bus drive right",
        "a robot rides a whale": "robot on whale, whale swim left",
        "a cat riding an eagle": "cat on eagle, eagle fly left",
        "an astronaut riding a unicorn": "unicorn walk left",
        "a cat rides a house": "cat on house, house",
        "a bee lands on a flower": "bee on rose, rose",
        "a house on fire": "house, fire on house",
        "it is on fire": "fire on it",
        "a boy on a horse rides": "horse walk left",
        "a girl is on the horse": "horse",
        "a monkey on an elephant on a turtle": "monkey on elephant, elephant, turtle",
        "a burning house and a cat": "house burn, cat, fire on house",
        "a campfire burning by a burning tree": "fire burn, tree burn",
        "a snowman with a top hat": "snowman, top hat on snowman",
        "put a hat on her": "top hat on it",
        "put a hat on the zorble": "top hat on it",
        "put a hat on the man": "top hat on it",
        "put a hat on her head": "top hat on it",
        "add a butterfly on his nose": "butterfly on it",
        "a cat sits on it": "cat on it rest",
        "put a hat on the table": "top hat",
        "put a hat on his desk": "top hat",
        "put a cat on the roof": "cat",
        "put a cat on his left": "cat",
        "give him a crown": "crown on it",
        "give one of them a hat": "top hat on it",
        "she wears a hat": "top hat on it",
        "put a hat on the left": "top hat",
        "add a hat": "top hat",
        "put a hat on the snowman": "top hat on snowman, snowman",
        "a penguin wearing a crown runs to the left": "penguin run left, crown on penguin",
        "a cat on the left of a dog": "cat, dog",
        "a cat in a meadow with a dog": "cat, dog",
        "a cat on the beach and a car": "cat, car",
        "a cat and a dog on a car": "cat on car, dog on car, car",
        "a tree on a house": "tree, house",
        "a fish on a car": "fish, car",
        "a cat on a dog on a horse": "cat on dog, dog, horse",
        "a dog in a car": "dog on car, car",
        "a dog in a cake": "dog, cake",
        "a cat climbs a tree": "cat on tree, tree",
        "a cat climbs up on a house": "cat on house, house",
        "the monkey mounts the horse": "monkey on horse, horse",
        "the monkey climbs down from the horse": "monkey, horse",
    }.items(),
)
def test_who_is_on_what(model: PocketModel, prompt: str, things: str) -> None:
    assert said(prompt, model) == things


@pytest.mark.parametrize(
    "prompt", ["a girl rides a horse", "a cat wearing a crown", "the cats face each other"]
)
def test_riding_and_wearing_are_understood(model: PocketModel, prompt: str) -> None:
    unknown = model.text.unknown(prompt)
    assert not unknown.keys() & {"rides", "wearing", "each", "other"}


def test_what_falls_from_a_tree_is_above_it(model: PocketModel) -> None:
    apple, tree = SceneMaker(model).describe((("an apple falls from a tree", 1.0),)).things
    assert (apple.height, tree.height) == ("top", "bottom") and apple.side == tree.side == "middle"
    apple, tree = SceneMaker(model).describe((("an apple falls, a tree", 1.0),)).things
    assert not apple.height and not apple.side


def test_without_words_for_it_nobody_sits() -> None:
    things = [Wanted("cat"), Wanted("car")]
    assert seated(things, []) == things


@pytest.mark.parametrize(
    ("prompt", "off"),
    {
        "the cat gets off the car": "car",
        "the monkey climbs down from the horse": "horse",
        "the bird flies from the tree to the left": "tree",
        "an apple falls from a tree": "",
        "the cat is on the car": "",
    }.items(),
)
def test_who_comes_off_what(model: PocketModel, prompt: str, off: str) -> None:
    assert SceneMaker(model).describe(((prompt, 1.0),)).things[0].off == off


@pytest.mark.parametrize(
    ("prompt", "verb"),
    [
        ("a girl rides a bicycle", "drive"),
        ("a girl rides a horse", "walk"),
        ("a man rides on a bus", "drive"),
    ],
)
def test_who_is_ridden_goes_as_such_things_do(model: PocketModel, prompt: str, verb: str) -> None:
    """A bicycle that was told to walk hardly left its place."""
    (thing,) = SceneMaker(model).describe(((prompt, 1.0),)).things
    assert thing.verb == verb


def test_vehicles_are_what_drives_in_the_world_that_was_learned() -> None:
    assert set(verbs.KINDS["vehicle"]) == VEHICLES


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("a monkey on an elephant on a turtle", "the elephant cannot be on the turtle: that is left out"),
        ("a house on a cake", "the house cannot be on the cake: that is left out"),
        (
            "the cat climbs up again",
            "nothing that is known is named for the cat to climb on or off: say what",
        ),
        ("the cat climbs up the tree", ""),
        ("the cat climbs off the car", ""),
        ("a dog and a cat on a tree", ""),
        ("a cat on a car and a dog on the car", ""),
    ],
)
def test_who_cannot_be_on_another_is_told(model: PocketModel, prompt: str, why: str) -> None:
    things = SceneMaker(model).describe(((prompt, 1.0),)).things
    assert "".join(each for thing in things for each in thing.unheeded) == why
