"""Things beside, before and behind others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, RED, WIDTH, disc, stack

from flowbrush.pipelines.parsing.wanted import BEFORE, BEHIND, BESIDE, Wanted
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.staging.neighbours import beside, in_depth
from flowbrush.pipelines.staging.putting import joined

TREE = replace(disc(BLUE, 60, 30, radius=14), label="tree")


def cat(x: float = 20.0, y: float = 50.0, **more: object) -> Layer:
    return replace(disc(RED, x, y, **more), label="cat")


def near(where: str, home: str = "ground") -> Wanted:
    return Wanted("cat", near=(where, "tree"), home=home)


@pytest.mark.parametrize(
    ("where", "apart", "lower"), [(BESIDE, 0.95, 0.0), (BEFORE, 0.45, 0.12), (BEHIND, 0.45, -0.12)]
)
def test_it_stands_there_on_the_side_with_more_room(where: str, apart: float, lower: float) -> None:
    """Of who is before or behind another both are seen; who is nearer stands lower in the picture."""
    (layer,) = beside([cat()], [near(where)], [TREE], WIDTH)
    assert 60 - layer.pose.x == pytest.approx(apart * 24)
    assert layer.pose.y + 10 - 44 == pytest.approx(lower * 24)
    left = replace(TREE, pose=replace(TREE.pose, x=30))
    (layer,) = beside([cat()], [near(where)], [left], WIDTH)
    assert layer.pose.x - 30 == pytest.approx(apart * 24)


def test_it_stays_in_the_picture_and_what_flies_in_the_air() -> None:
    wide = replace(disc(BLUE, 48, 30, radius=40), label="tree")
    (layer,) = beside([cat()], [near(BESIDE)], [wide], WIDTH)
    assert layer.pose.x == 10
    (layer,) = beside([cat(y=12)], [near(BESIDE, home="air")], [TREE], WIDTH)
    assert layer.pose.y == 12


def test_where_the_other_is_not_it_stays_where_there_was_room() -> None:
    (layer,) = beside([cat()], [near(BESIDE)], [], WIDTH)
    assert (layer.pose.x, layer.pose.y) == (20, 50)


@pytest.mark.parametrize(
    ("where", "order"),
    [(BEHIND, ["bee", "cat", "tree", "dog"]), (BEFORE, ["bee", "tree", "cat", "dog"]), (BESIDE, ["bee", "tree", "dog", "cat"])],
)  # fmt: skip
def test_who_is_behind_is_hidden_and_who_is_before_hides(where: str, order: list[str]) -> None:
    bee, dog = (replace(disc(RED, 5, 5), label=name) for name in ("bee", "dog"))
    layers = in_depth([bee, TREE, dog, cat()], [cat()], [near(where)])
    assert [layer.label for layer in layers] == order


def test_who_is_there_already_goes_there_but_out_of_no_hand() -> None:
    now = joined(stack(TREE, cat()), [near(BEHIND)])
    assert [layer.label for layer in now.layers] == ["cat", "tree"]
    seat = now.layers[0].seat
    assert seat is not None and seat.goal is not None
    assert seat.goal[:2] == pytest.approx((60 - 0.45 * 24, 34 - 0.12 * 24))
    held = stack(TREE, cat(hands=frozenset({1})))
    assert joined(held, [near(BEHIND)]).layers == held.layers
    coming = stack(TREE, cat(opacity=0.0))
    assert joined(coming, [near(BEHIND)]).layers == coming.layers, "who comes stands there from the first"
