"""Prompts that change what is there, and leave everything else as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import rows

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.controls import ChunkPlan, fold, initial_state
from flowbrush.pipelines.reference.editing import GROWING, LARGEST, SMALLEST
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.reference.scenes import SceneMaker

SIZE = (320, 192)


@pytest.fixture(scope="session")
def maker(model: PocketModel) -> SceneMaker:
    return SceneMaker(model)


def plan(prompt: str) -> ChunkPlan:
    return fold(initial_state(((prompt, 1.0),), ()), (), 0, 4, 16.0, 0.6)[1]


def after(maker: SceneMaker, *prompts: str, chunks: int = GROWING) -> LayerStack:
    """What is there when each prompt after the first had so many chunks."""
    now = maker.stage(((prompts[0], 1.0),), SIZE, 5, [])
    for prompt in prompts[1:]:
        for _ in range(chunks):
            now = move(maker.turn(now, plan(prompt)), rows()).stack
    return now


def labels(stack: LayerStack) -> list[str]:
    return sorted(layer.label for layer in stack.layers)


def one(stack: LayerStack, label: str) -> Layer:
    (layer,) = (layer for layer in stack.layers if layer.label == label)
    return layer


@pytest.mark.parametrize(
    ("prompts", "there"),
    [
        (("a cat", "add a dog"), ["cat", "dog"]),
        (("a dog", "add a dog"), ["dog", "dog"]),
        (("a dog in the snow", "another dog", "two more dogs"), ["dog"] * 4),
        (("a snowman and a dog", "put a hat on the snowman"), ["dog", "snowman", "top hat"]),
        (("a cat", "add the dog"), ["cat", "dog"]),
        (("a cat and a dog", "remove the cat"), ["dog"]),
        (("three dogs and a cat", "remove the dogs"), ["cat"]),
        (("three dogs and a cat", "no more dogs"), ["cat"]),
        (("three dogs and a cat", "remove a dog"), ["cat", "dog", "dog"]),
        (("a red dog and a blue dog", "remove the blue dog"), ["red dog"]),
        (("three dogs and a cat", "remove everything"), []),
        (("a cat and a dog", "the cat disappears"), ["dog"]),
        (("a cat and a dog", "remove the tree"), ["cat", "dog"]),
        (("a cat", "add a dragon"), ["cat"]),
        (("a cat and a car", "make the car blue"), ["blue car", "cat"]),
        (("two cats", "make them pink"), ["pink cat", "pink cat"]),
        (("a cat and a dog", "make it night"), ["cat", "dog"]),
        (("a cat", "a dog"), ["dog"]),
    ],
)
def test_what_is_not_named_stays(maker: SceneMaker, prompts: tuple[str, ...], there: list[str]) -> None:
    assert labels(after(maker, *prompts)) == there


def test_what_is_added_comes_to_where_the_others_are(maker: SceneMaker) -> None:
    """A fish that is named alone is under water; one that is added jumps on the beach, where the boat is."""
    now = after(maker, "a dog on the beach", "add a fish")
    assert now.label == "beach" and not now.next_label
    assert after(maker, "a dog on the beach", "add a cat in the snow").label == "snow"
    assert after(maker, "a dog on the beach", "make it night").label == "night"


def test_the_others_go_on_with_what_they_do(maker: SceneMaker) -> None:
    now = after(maker, "a cat runs to the left", "add a dog")
    assert one(now, "cat").told == (("a cat runs to the left", 1.0),) and one(now, "dog").told == ()
    now = after(maker, "a cat and a dog run", "the dog stops")
    assert one(now, "cat").told == (("a cat and a dog run", 1.0),) and one(now, "dog").told == ()
    now = after(maker, "a cat and a dog run", "heavy rain")
    assert one(now, "cat").told == one(now, "dog").told == (("a cat and a dog run", 1.0),)
    for said in ("they stop", "it runs to the left"):
        assert one(after(maker, "a cat and a dog run", said), "cat").told == ()
    now = after(maker, "a cat and a dog run to the left", "make the cat blue")
    assert one(now, "blue cat").told == (("a cat and a dog run to the left", 1.0),)


@pytest.mark.parametrize(("said", "factor"), [("make the dog bigger", 1.4), ("the dog shrinks", 1 / 1.4)])
def test_what_grows_does_so_evenly_and_stands_where_it_stood(
    maker: SceneMaker, said: str, factor: float
) -> None:
    before = one(after(maker, "a dog and a cat"), "dog")
    sizes = [
        one(after(maker, "a dog and a cat", said, chunks=n), "dog").pose.scale for n in range(1, GROWING + 1)
    ]
    steps = [b - a for a, b in zip([before.pose.scale, *sizes], sizes, strict=False)]
    assert steps == pytest.approx([steps[0]] * GROWING, rel=0.02)
    now = one(after(maker, "a dog and a cat", said), "dog")
    assert now.pose.scale == pytest.approx(factor * before.pose.scale) and now.seat is None
    half = before.rgba.shape[-2] / 2
    assert now.pose.y + half * now.pose.scale == pytest.approx(
        before.pose.y + half * before.pose.scale, abs=0.5
    )
    cats = [
        one(stack, "cat").pose
        for stack in (after(maker, "a dog and a cat"), after(maker, "a dog and a cat", said))
    ]
    assert cats[0] == cats[1]


def test_nothing_grows_beyond_the_picture_or_out_of_sight(maker: SceneMaker) -> None:
    for said, share in (("make the dog huge", LARGEST), ("make the dog tiny", SMALLEST)):
        dog = one(after(maker, "a dog", *[said, "a dog"] * 9), "dog")
        assert dog.pose.scale * dog.rgba.shape[-2] == pytest.approx(share * SIZE[1], rel=0.01)


def test_who_sits_on_what_is_dyed_sits_there_still(maker: SceneMaker) -> None:
    now = after(maker, "a cat on a car", "make the car green")
    assert set(now.carriers()) == {[layer.label for layer in now.layers].index("cat")}
    assert one(now, "green car").pose == one(after(maker, "a cat on a car"), "car").pose


def test_a_mirrored_thing_is_dyed_as_it_looks(maker: SceneMaker) -> None:
    for way in ("left", "right"):
        before = one(after(maker, f"a car drives to the {way}"), "car")
        now = one(after(maker, f"a car drives to the {way}", "make the car blue"), "blue car")
        assert float((now.rgba[3] - before.rgba[3]).abs().mean()) < 0.01


def test_what_a_hand_holds_stays(maker: SceneMaker) -> None:
    now = maker.stage((("a dog", 1.0),), SIZE, 5, [])
    held = replace(now, layers=(replace(now.layers[0], hands=frozenset({1})),))
    for said in ("remove the dog", "make the dog bigger"):
        (dog,) = maker.turn(held, plan(said)).layers
        assert not dog.leaving and dog.pose == now.layers[0].pose and dog.seat is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("remove the tree", ["there is no tree to remove"]),
        ("make the tree blue", ["there is no tree to colour"]),
        ("make the tree bigger", ["there is no tree to make larger or smaller"]),
        ("remove the dog", []),
        ("make the dog blue", []),
        ("add a tree", []),
    ],
)
def test_what_is_not_there_and_cannot_be_changed_is_said(
    maker: SceneMaker, said: str, why: list[str]
) -> None:
    before = maker.stage((("a dog", 1.0),), SIZE, 5, [])
    told = replace(plan(said), new_texts=((said, 1),))
    assert [notice.message for notice in maker.unheeded(told, before)] == why
    nothing = maker.stage((("remove everything", 1.0),), SIZE, 5, [])
    assert nothing.layers == ()
    all_gone = replace(plan("make it bigger"), new_texts=(("make it bigger", 1),))
    assert len(maker.unheeded(all_gone, nothing)) == 1


def test_faster_alone_stops_nobody(maker: SceneMaker) -> None:
    """Of what they do it says nothing."""
    now = after(maker, "a dog runs to the left", "faster")
    assert one(now, "dog").told == (("a dog runs to the left", 1.0),)
