"""Prompts that change what is there, and leave everything else as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import rows

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.conditions.controls import ChunkPlan, fold, initial_state
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.staging.editing import grown
from flowbrush.pipelines.staging.scenes import SceneMaker
from flowbrush.pipelines.staging.unheeded import NOTHING_SAID

SIZE = (320, 192)
A_SECOND = 4  # chunks


@pytest.fixture(scope="session")
def maker(model: PocketModel) -> SceneMaker:
    return SceneMaker(model)


def plan(prompt: str) -> ChunkPlan:
    return fold(initial_state(((prompt, 1.0),), ()), (), 0, 4, 16.0, 0.6)[1]


def after(maker: SceneMaker, *prompts: str, chunks: int = A_SECOND) -> LayerStack:
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
        (("a cat", "another one", "one more"), ["cat"] * 3),
        (("a cat and a dog", "no cats"), ["dog"]),
        (("a cat", "no people"), ["cat"]),
        (("three ducks", "two of them leave"), ["duck"]),
        (("a big cat and a small dog", "remove the smaller one"), ["cat"]),
        (("a red car and a blue car", "the red one disappears"), ["blue car"]),
        (("a red car and a blue car", "only the red one"), ["car"]),
        (("a house", "it is on fire"), ["fire", "house"]),
        (("a cat and a car", "make the car blue"), ["blue car", "cat"]),
        (("two cats", "make them pink"), ["pink cat", "pink cat"]),
        (("a cat and a dog", "make it night"), ["cat", "dog"]),
        (("a cat", "a dog"), ["dog"]),
    ],
)
def test_what_is_not_named_stays(maker: SceneMaker, prompts: tuple[str, ...], there: list[str]) -> None:
    assert labels(after(maker, *prompts)) == there


def test_what_burns_has_its_fire_on_it(maker: SceneMaker) -> None:
    fire = one(after(maker, "a house", "it is on fire"), "fire")
    assert fire.seat is not None and fire.seat.label == "house"


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        (("the beach", "another one"), "there is nothing here of which more could come: say what is to come"),
        (("a cat", "more"), NOTHING_SAID),
        (("a cat", "the cat one again, please"), ""),
        (("a cat", "make it night"), ""),
        (("a cat", "it jumps"), ""),
        (("a cat", "a zorble"), ""),
        (("a cat", ""), ""),
        (("a cat", "the green one jumps"), "nothing here is meant by that: say it by its name"),
        (("a cat", "make the blue one bigger"), "nothing here is meant by that: say it by its name"),
    ],
)
def test_what_comes_to_nothing_is_told(maker: SceneMaker, prompts: tuple[str, str], said: str) -> None:
    before = after(maker, prompts[0])
    told = maker.unheeded(replace(plan(prompts[1]), new_texts=((prompts[1], None),)), before, before)
    assert [each.message for each in told] == [said] * bool(said)


def test_a_stream_that_begins_with_an_arrival_is_where_such_things_live(maker: SceneMaker) -> None:
    assert maker.stage((("suddenly a shark appears", 1.0),), SIZE, 5, []).label == "under water"


def test_what_is_added_comes_to_where_the_others_are(maker: SceneMaker) -> None:
    """A fish that is named alone is under water; one that is added jumps on the beach, where the boat is."""
    now = after(maker, "a dog on the beach", "add a fish")
    assert now.label == "beach" and not now.next_label
    assert after(maker, "a dog on the beach", "add a cat in the snow").label == "snow"
    assert after(maker, "a dog in a meadow", "make it night").label == "night"


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
        one(after(maker, "a dog and a cat", said, chunks=n), "dog").pose.scale for n in range(1, A_SECOND + 1)
    ]
    steps = [b - a for a, b in zip([before.pose.scale, *sizes], sizes, strict=False)]
    assert steps == pytest.approx([steps[0]] * A_SECOND, rel=0.02)
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


def test_who_is_not_meant_does_not_grow(maker: SceneMaker) -> None:
    now = after(maker, "a dog and a cat")
    dog, cat = grown(now, [0], 2.0).layers
    assert dog.seat is not None and cat is now.layers[1]


@pytest.mark.parametrize("said", ["make the cat bigger", "make the car bigger", "make everything bigger"])
def test_who_sits_on_another_sits_on_it_while_either_grows(maker: SceneMaker, said: str) -> None:
    """Its feet are as deep in the other as they were, in every chunk."""

    def depth(stack: LayerStack) -> float:
        cat, car = one(stack, "cat"), one(stack, "car")
        foot, top = cat.pose.y + cat.extents[1] / 2, car.pose.y - car.extents[1] / 2
        return (foot - top) / car.pose.scale

    sat = after(maker, "a cat on a car")
    stacks = [after(maker, "a cat on a car", said, chunks=n) for n in range(1, A_SECOND + 2)]
    assert [depth(each) for each in stacks] == pytest.approx([depth(sat)] * len(stacks), rel=0.03)
    scales = {name: one(stacks[-1], name).pose.scale / one(sat, name).pose.scale for name in ("cat", "car")}
    assert {name for name, scale in scales.items() if scale > 1.2} == {
        name for name in scales if name in said or "everything" in said
    }


def test_what_grows_is_seen_to_grow_and_is_not_waited_for(maker: SceneMaker) -> None:
    """It takes about a second: what comes to another size in less jumps, and who waits for twice that asks again."""
    sizes = [
        one(after(maker, "a dog", "make the dog huge", chunks=n), "dog").pose.scale for n in range(1, 10)
    ]
    assert 3 <= 1 + sizes.index(sizes[-1]) <= 6


@pytest.mark.parametrize(("said", "least", "most"), [("huge", 0.75, 1.0), ("tiny", 0.05, 0.12)])
def test_nothing_grows_beyond_the_picture_or_out_of_sight(
    maker: SceneMaker, said: str, least: float, most: float
) -> None:
    """The largest nearly fills the picture and is in it whole; the smallest, of 10 to 23 pixels here, can still be pointed at."""
    dog = one(after(maker, "a dog", *[f"make the dog {said}", "a dog"] * 9), "dog")
    assert least * SIZE[1] <= dog.pose.scale * dog.rgba.shape[-2] <= most * SIZE[1]


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
    assert [notice.message for notice in maker.unheeded(told, before, before)] == why
    nothing = maker.stage((("remove everything", 1.0),), SIZE, 5, [])
    assert nothing.layers == ()
    all_gone = replace(plan("make it bigger"), new_texts=(("make it bigger", 1),))
    assert len(maker.unheeded(all_gone, nothing, nothing)) == 1


def told(stack: LayerStack, label: str) -> str:
    return " ".join(text for text, _ in one(stack, label).told)


@pytest.mark.parametrize(
    ("before", "said", "dog"),
    [
        ("a cat and a dog run to the left", "faster", "a dog runs to the left quickly"),
        ("a cat and a dog run to the left", "the dog slows down", "a dog runs to the left slowly"),
        ("a cat and a dog run to the left", "the cat slows down", "a cat and a dog run to the left"),
        ("a dog runs to the house", "faster", "a dog runs quickly to the house"),
        ("a cat and a dog run to the left", "turn around", "a dog runs to the right"),
        ("a cat and a dog run", "they turn around", "a dog runs to the right"),
        ("a dog runs to the house", "turn around", "a dog runs away from the house"),
        ("a cat and a dog", "faster", "a cat and a dog"),
    ],
)
def test_who_goes_does_so_otherwise(maker: SceneMaker, before: str, said: str, dog: str) -> None:
    assert told(after(maker, before, said), "dog") == dog


def test_who_goes_nowhere_is_told_so_and_turns_round_where_it_is(maker: SceneMaker) -> None:
    before = after(maker, "a cat and a dog")
    assert why(maker, before, "the dog speeds up") == [
        'the dog goes nowhere: say what it is to do, as "the dog runs"'
    ]
    assert why(maker, after(maker, "a dog runs and a tree"), "faster") == []
    now = after(maker, "a cat and a dog", "the dog turns around")
    assert (one(now, "dog").looks, one(now, "cat").looks) == ("right", "left")
    assert torch.equal(one(now, "dog").rgba, one(before, "dog").rgba.flip(-1))


def test_things_come_in_place_of_others_and_go_on_as_these_went(maker: SceneMaker) -> None:
    before = one(after(maker, "a cat and a dog run to the right"), "dog")
    now = after(maker, "a cat and a dog run to the right", "turn the dog into a horse")
    assert labels(now) == ["cat", "horse"] and told(now, "horse") == "a horse runs to the right"
    horse = one(now, "horse")
    assert horse.looks == before.looks == "right" and horse.opacity == 1
    assert (horse.pose.x, foot(horse)) == pytest.approx((before.pose.x, foot(before)), abs=1)


@pytest.mark.parametrize(
    ("before", "said", "there"),
    [
        ("a cat and two dogs", "turn the dogs into horses", ["cat", "horse", "horse"]),
        ("a cat and two dogs", "replace the dogs with a horse", ["cat", "horse"]),
        ("a cat and a dog", "replace the dog with two horses", ["cat", "horse", "horse"]),
        ("a cat and a dog", "turn the dog into a dragon", ["cat", "dog"]),
        ("a cat and a dog", "turn the cow into a horse", ["cat", "dog"]),
        ("a cat and a dog", "turn them into a horse", ["horse", "horse"]),
        ("a car and a blue car", "make the red car blue", ["blue car", "blue car"]),
        ("a cat and a dog", "only the cat", ["cat"]),
        ("a cat and a dog", "only the cow", ["cat", "dog"]),
        ("a cat and a dog", "a bird appears", ["cat", "dog", "eagle"]),
        ("a cat and a dog", "clear everything", []),
        ("a cat and a dog", "the beach", ["cat", "dog"]),
        ("a cat and a dog", "turn it into a beach", ["cat", "dog"]),
        ("a cat and a dog", "an empty beach", []),
        ("a cat and a dog", "everything disappears", []),
        ("a cat and a dog", "a second dog appears on the right", ["cat", "dog", "dog"]),
        ("a cat and a dog", "a tree between them", ["cat", "dog", "tree"]),
        ("a cat and a dog", "the dog catches a ball", ["cat", "dog", "soccer ball"]),
        ("a cat and a dog", "a dog chases the cat", ["cat", "dog"]),
        ("a cat and a dog", "the dog runs on the beach", ["cat", "dog"]),
        ("a cat and a dog", "my dog jumps", ["cat", "dog"]),
        ("a cat and a dog", "the horse runs", ["horse"]),
        ("a cat and a dog", "a dog runs", ["dog"]),
        ("a cat and a dog", "hello", ["cat", "dog"]),
        ("a cat and a dog", "", ["cat", "dog"]),
        ("a cat and a dog", "a dragon", ["cat", "dog"]),
        ("a cat and a dog", "zoom in", ["cat", "dog"]),
    ],
)
def test_what_a_prompt_leaves_of_what_is_there(
    maker: SceneMaker, before: str, said: str, there: list[str]
) -> None:
    assert labels(after(maker, before, said)) == there


@pytest.mark.parametrize(
    ("prompts", "label"),
    [
        (("a cat", "the beach"), "beach"),
        (("a cat at night", "make it day"), "meadow"),
        (("a cat on the beach", "make it day"), "beach"),
        (("a cat", "the sun goes down"), "sunset"),
        (("a cat", "the sun goes down", "a sunny day"), "meadow"),
        (("a cat", "turn it into a beach"), "beach"),
    ],
)
def test_all_go_to_another_scene(maker: SceneMaker, prompts: tuple[str, ...], label: str) -> None:
    now = after(maker, *prompts)
    assert now.label == label and labels(now) == ["cat"]


def test_what_is_named_in_another_size_comes_to_it(maker: SceneMaker) -> None:
    sizes = [
        one(after(maker, *said), "cat").pose.scale
        for said in (("a cat and a dog",), ("a cat and a dog", "a big cat and a dog"))
    ]
    assert sizes[1] == pytest.approx(1.25 * sizes[0])
    small, cat = (
        one(after(maker, "a small cat", *more), "cat").pose.scale for more in ((), ("a cat in the snow",))
    )
    assert cat == pytest.approx(small / 0.78)
    assert one(after(maker, "a cat", "the big cat runs"), "cat").pose.scale == pytest.approx(
        one(after(maker, "a cat"), "cat").pose.scale
    ), "that says which cat is meant"


def test_things_change_places_and_are_put_elsewhere(maker: SceneMaker) -> None:
    before = after(maker, "a cat and a dog")
    cat, dog = one(before, "cat"), one(before, "dog")
    now = after(maker, "a cat and a dog", "the cat and the dog swap places", chunks=6)
    assert (one(now, "cat").pose.x, foot(one(now, "cat"))) == pytest.approx((dog.pose.x, foot(dog)), abs=1)
    assert (one(now, "dog").pose.x, foot(one(now, "dog"))) == pytest.approx((cat.pose.x, foot(cat)), abs=1)
    assert (one(now, "cat").looks, one(now, "dog").looks) == ("right", "left")
    now = after(maker, "a cat and a dog", "put the dog on the left", chunks=6)
    assert one(now, "dog").pose.x < 0.3 * SIZE[0] and one(now, "dog").pose.y == pytest.approx(dog.pose.y)
    assert one(now, "cat").pose == cat.pose
    assert why(maker, after(maker, "a cat, a dog and a cow"), "swap places") == [
        "there are more than two to change places: say which two"
    ]


def test_sides_that_a_prompt_names_are_kept(maker: SceneMaker) -> None:
    now = after(maker, "a dog and a cat", "a cat on the left and a dog on the right", chunks=6)
    assert one(now, "cat").pose.x < 0.4 * SIZE[0] < 0.6 * SIZE[0] < one(now, "dog").pose.x
    before = after(maker, "a dog on the left and a cat", chunks=6)
    now = after(maker, "a dog on the left and a cat", "a dog on the left and a horse", chunks=6)
    assert one(now, "dog").pose == one(before, "dog").pose, "who is there stays where it is"
    now = after(maker, "a dog on the left", "a dog on the right runs to the left", chunks=1)
    assert one(now, "dog").seat is None


def test_a_picture_is_full_some_day(maker: SceneMaker) -> None:
    """Without an end each "add six dogs" would make all chunks of the stream slower, and those of its neighbours."""
    now = after(maker, "a cat", *["add six dogs", "add six horses"] * 4, chunks=2)
    staying = [layer for layer in now.layers if not layer.leaving]
    assert len(staying) == 24 and one(now, "cat")
    assert why(maker, now, "add a cow") == [
        "no more than 24 things are shown at once: remove some before others come"
    ]
    assert why(maker, now, "remove the cat") == []
    assert "cow" in labels(
        after(maker, "a cat", *["add six dogs", "add six horses"] * 4, "remove the cat", "add a cow")
    )


@pytest.mark.parametrize(
    ("said", "there"),
    [
        ("make the car blue", ["blue car"]),
        ("turn the cat into a dog", ["dog"]),
        ("put the cat on the left", ["cat"]),
    ],
)
def test_a_stream_may_begin_with_a_change(maker: SceneMaker, said: str, there: list[str]) -> None:
    assert labels(after(maker, said)) == there


def test_a_camera_that_is_told_to_move_is_told_of(maker: SceneMaker) -> None:
    assert why(maker, after(maker, "a cat"), "zoom in") == [
        "the camera follows no words: move it with the camera's own control"
    ]
    assert why(maker, after(maker, "a cat"), "turn the cat into a dragon") == [
        "nothing of 'a dragon' is known, so all stays as it is"
    ]


def why(maker: SceneMaker, stack: LayerStack, prompt: str) -> list[str]:
    """What is told of a prompt in a stream that shows the stack."""
    now = replace(plan(prompt), new_texts=((prompt, None),))
    return [notice.message for notice in maker.unheeded(now, stack, maker.turn(stack, now))]


def foot(layer: Layer) -> float:
    return layer.pose.y + layer.rgba.shape[-2] * layer.pose.scale / 2
