"""What a hand or a path leads looks to where it goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from stacks import RED, disc, rows, stack

from flowbrush.controls import Point, TrackBegin
from flowbrush.pipelines.animation.leading import FORWARD, headed, led, outlines, takes
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.training.world import lexicon

HAND = 3
WIDTH = 20


def horse(label: str = "horse", looks: str = "left", hands: frozenset[int] = frozenset({HAND})) -> Layer:
    return replace(disc(RED, 40, 30, WIDTH // 2, hands=hands, looks=looks), label=label)


def in_hand(layer: Layer, x: float = 40.0) -> LayerStack:
    return takes(stack(layer), {hand: (x, 30.0) for hand in layer.hands})


def go(before: LayerStack, start: float, end: float, hand: int = HAND) -> tuple[LayerStack, frozenset[int]]:
    return led(before, rows((hand, (start, 30.0), (end, 30.0))))


@pytest.mark.parametrize(
    ("looks", "end", "after"),
    [("left", 46, "right"), ("left", 44, "left"), ("left", 20, "left"), ("right", 34, "left")],
)
def test_who_is_led_by_a_quarter_of_its_width_against_where_it_looks_turns(
    looks: str, end: float, after: str
) -> None:
    turned, tracks = go(in_hand(horse(looks=looks)), 40, end)
    assert turned.layers[0].looks == after
    assert tracks == (frozenset() if after == looks else {HAND})


def test_small_steps_add_up_and_a_tremble_does_not() -> None:
    steady, trembling = in_hand(horse()), in_hand(horse())
    for step in range(3):
        steady, _ = go(steady, 40 + 2 * step, 42 + 2 * step)
        trembling, _ = go(trembling, 40, 43)
        trembling, _ = go(trembling, 43, 40)
    assert (steady.layers[0].looks, trembling.layers[0].looks) == ("right", "left")


def test_it_turns_about_the_hand_which_holds_on_to_its_nose() -> None:
    """At its left end as it looks to the left, and at its right end once it looks to the right."""
    before = in_hand(horse(), 32.0)
    layer = go(before, 32, 40)[0].layers[0]
    assert layer.pose.x == pytest.approx(24.0)
    nose = np.array([-8.0, 0.0])
    assert before.layers[0].pose(nose) == pytest.approx(layer.pose(-nose))


def test_who_sits_on_it_is_mirrored_with_it() -> None:
    rider = replace(horse("monkey", hands=frozenset()), seat=Seat("horse", 0, (6.0, -4.0)))
    rider = replace(rider, pose=replace(rider.pose, x=46.0))
    before = takes(stack(horse(), rider), {HAND: (30.0, 30.0)})
    after = go(before, 30, 40)[0].layers[1]
    assert after.looks == "right" and after.pose.x == pytest.approx(14.0)
    assert after.seat is not None and after.seat.at == (-6.0, -4.0)


@pytest.mark.parametrize(
    "layer",
    [
        horse("tree"),
        horse("", looks=""),
        horse(hands=frozenset({HAND, 4})),
        horse(hands=frozenset()),
    ],
    ids=["a tree", "a photo's", "in two hands", "in no hand"],
)
def test_others_are_left_as_they_are(layer: Layer) -> None:
    before = in_hand(layer)
    after, tracks = go(before, 40, 60)
    assert after.layers[0].looks == layer.looks and after.layers[0].pose == layer.pose and not tracks


def test_the_outline_is_told_anew_where_it_would_have_stood_as_it_was_taken() -> None:
    """So that who draws it with the hand from there draws it where it is."""
    before = in_hand(horse(), 34.0)
    before, _ = go(before, 34, 37)
    here = before.with_layer(0, replace(before.layers[0], pose=replace(before.layers[0].pose, x=43.0)))
    line = rows((HAND, (37.0, 30.0), (47.0, 30.0)))
    after, tracks = led(here, line)
    ((track, region),) = outlines(after, line, tracks)
    xs = [96 * x for polygon in region for x, _ in polygon]
    assert {type(value) for polygon in region for point in polygon for value in point} == {float}, "as JSON"
    assert track == HAND and (min(xs) + max(xs)) / 2 == pytest.approx(28.0, abs=1.0)


@pytest.mark.parametrize(
    ("xs", "looks"),
    [
        ((0.42, 0.9), "right"),
        ((0.42, 0.1), "left"),
        ((0.42, 0.45), "left"),
        ((0.42, 0.4, 0.6), "right"),
        ((0.42, 0.49, 0.1), "right"),  # and comes back
        ((0.42,), "left"),
    ],
)
def test_who_stands_where_a_path_begins_looks_along_it(xs: tuple[float, ...], looks: str) -> None:
    (layer,) = headed(stack(horse()), [[(x, 0.5) for x in xs]]).layers
    assert layer.looks == looks and layer.pose.x == 40.0


def test_all_that_goes_forward_are_things_of_the_world() -> None:
    assert {noun.name for noun in (*lexicon.CORE, *lexicon.EXTRA)} >= FORWARD


def test_a_horse_that_is_pulled_to_the_right_goes_head_first() -> None:
    generator = Generator.load("pocket", seats=1)
    stream = generator.start(StreamSettings("pocket", (("a horse", 1.0),), 320, 192, 16, 5))
    generator.step([stream], [()])
    x, y = stream.memory.layers[0].pose.x / 320, stream.memory.layers[0].pose.y / 192
    path = TrackBegin(track=1, kind="path", points=(Point(t=0, x=x, y=y), Point(t=6, x=x + 0.3, y=y)))
    held = [
        found for step in ((path,), (), (), (), (), ()) for found in generator.step([stream], [step])[0].held
    ]
    assert stream.memory.layers[0].looks == "right"
    assert [track for track, _ in held] == [1, 1]
