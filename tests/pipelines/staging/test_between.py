"""Things between two others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, RED, WIDTH, disc, stack

from flowbrush.pipelines.parsing.wanted import BETWEEN, Wanted
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.staging.between import pair_of
from flowbrush.pipelines.staging.neighbours import beside
from flowbrush.pipelines.staging.putting import joined


def named(label: str, x: float, y: float = 40.0, radius: int = 10, **more: object) -> Layer:
    return replace(disc(RED if label == "cat" else BLUE, x, y, radius, **more), label=label)


CAT = Wanted("cat", near=(BETWEEN, "tree"), near_too="house")
THEM = Wanted("cat", near=(BETWEEN, ""), near_too="")


@pytest.mark.parametrize(
    ("thing", "labels", "pair"),
    [
        (CAT, ["house", "dog", "tree"], (0, 2)),
        (CAT, ["house", "dog"], None),
        (replace(CAT, near_too="tree"), ["tree", "dog", "red tree"], (0, 2)),
        (replace(CAT, near_too="tree"), ["tree", "dog"], None),
        (THEM, ["dog", "tree"], (0, 1)),
        (THEM, ["", "tree"], None),
        (Wanted("cat"), ["tree", "house"], None),
    ],
)
def test_which_two_are_meant(thing: Wanted, labels: list[str], pair: tuple[int, int] | None) -> None:
    assert pair_of(thing, [named(label, 10.0 + 20 * at) for at, label in enumerate(labels)]) == pair


def test_the_left_one_comes_first_and_who_leaves_is_not_meant() -> None:
    layers = [named("tree", 20, leaving=True), named("house", 70), named("tree", 80), named("tree", 90)]
    assert pair_of(CAT, layers) == (1, 2)


def test_it_stands_in_the_middle_on_their_ground() -> None:
    there = [named("tree", 20, 36, radius=14), named("house", 80, 40)]
    (cat,) = beside([named("cat", 90, 10)], [CAT], there, WIDTH)
    assert (cat.pose.x, cat.pose.y) == (50, 40)
    (bee,) = beside([named("cat", 90, 10)], [replace(CAT, home="air")], there, WIDTH)
    assert (bee.pose.x, bee.pose.y) == (50, 10)


@pytest.mark.parametrize("at", [10.0, 48.0, 86.0])
def test_others_that_come_with_it_make_room_in_the_picture(at: float) -> None:
    wanted = [CAT, Wanted("tree"), Wanted("house")]
    cat, tree, house = beside([named("cat", 30), named("tree", at), named("house", at)], wanted, [], WIDTH)
    xs = sorted(layer.pose.x for layer in (cat, tree, house))
    assert xs[0] >= 10 and xs[2] <= WIDTH - 10
    assert xs[1] == cat.pose.x and xs[2] - xs[1] == pytest.approx(20) == xs[1] - xs[0]


def test_where_there_is_no_room_all_are_in_the_picture() -> None:
    wide = [named("cat", 30, radius=24), named("tree", 40, radius=24), named("house", 60, radius=24)]
    cat, tree, house = beside(wide, [CAT, Wanted("tree"), Wanted("house")], [], WIDTH)
    assert (tree.pose.x, cat.pose.x, house.pose.x) == (24, 48, 72)


def test_who_is_there_already_goes_between_them_and_they_make_room() -> None:
    now = joined(stack(named("tree", 25), named("cat", 80), named("house", 55)), [CAT])
    goals = {layer.label: layer.seat.goal[:2] for layer in now.layers if layer.seat and layer.seat.goal}
    assert goals == {"tree": (20, 40), "cat": (40, 40), "house": (60, 40)}


def test_who_is_in_a_hand_makes_no_room() -> None:
    now = joined(stack(named("tree", 35, hands=frozenset({1})), named("cat", 80), named("house", 55)), [CAT])
    tree = next(layer for layer in now.layers if layer.label == "tree")
    assert tree.seat is None and tree.pose.x == 35
