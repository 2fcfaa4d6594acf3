"""What things do by themselves: they keep what the student says, go round the picture, and do not stop half-way."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from stacks import BLUE, HEIGHT, RED, WIDTH, disc, rows, stack

from flowbrush.pipelines.animation.drive import (
    LEAST_DRIVE,
    LEAST_PACE,
    PACE_KEPT,
    SEEN,
    TROOP_PACE,
    drive,
    kept_up,
)
from flowbrush.pipelines.reference.render import move


def gained(dx: float, dy: float, turn: float) -> torch.Tensor:
    return torch.tensor([dx, dy, turn])[:, None, None].expand(3, HEIGHT // 8, WIDTH // 8)


def test_drive_moves_what_is_free_and_turns_what_is_held() -> None:
    free, held = disc(RED, 30, 30), disc(BLUE, 70, 30, hands=frozenset({1}))
    moved = move(stack(free, held), rows((1, (70, 30), (70, 30))))
    after = drive(moved.stack, moved.own, gained(4.0, -2.0, 0.3))
    assert (after.layers[0].pose.x, after.layers[0].pose.y) == pytest.approx(
        (34 - LEAST_DRIVE, 28 + LEAST_DRIVE)
    )
    assert (after.layers[1].pose.x, after.layers[1].pose.y) == pytest.approx((70.0, 30.0))
    assert after.layers[1].pose.angle == pytest.approx(0.3 - LEAST_DRIVE / 100)


def test_what_rests_does_not_creep_and_photos_stay_put() -> None:
    resting, photo = disc(RED, 30, 30), replace(disc(BLUE, 70, 30), label="")
    moved = move(stack(resting, photo), rows())
    creeping = drive(moved.stack, moved.own, gained(0.3, 0.3, 0.003))
    assert creeping.layers[0].pose == resting.pose
    assert drive(moved.stack, moved.own, gained(9.0, 9.0, 1.0)).layers[1].pose == photo.pose


def test_a_thing_that_goes_about_stays_in_the_picture() -> None:
    now = stack(disc(RED, 60, 30))
    for _ in range(9):
        moved = move(now, rows())
        now = drive(moved.stack, moved.own, gained(6.0, 0.0, 0.0))
    assert now.layers[0].pose.x == WIDTH - 10, "the whole of it is seen"
    beyond = stack(disc(RED, WIDTH - 2, 30))
    moved = move(beyond, rows())
    after = drive(moved.stack, moved.own, gained(6.0, 0.0, 0.0))
    assert after.layers[0].pose.x == WIDTH - 2, "where a hand put it, it stays"


@pytest.mark.parametrize(("dx", "other_side"), [(-6.0, WIDTH), (6.0, 0)])
def test_what_passes_goes_off_one_side_and_comes_in_at_the_other(dx: float, other_side: int) -> None:
    now = stack(disc(RED, 20, 30), disc(BLUE, 60, 30))  # 20 pixels wide
    places = []
    for _ in range(16):
        moved = move(now, rows())
        now = drive(
            moved.stack, moved.own, gained(dx, 0.0, 0.0), frozenset({1}), {0: "left" if dx < 0 else "right"}
        )
        places.append(now.layers[0].pose.x)
    jumps = [place for place, (a, b) in enumerate(pairwise([20.0, *places])) if abs(b - a) > 7]
    assert len(jumps) == 1
    out = abs(places[jumps[0]] - other_side)
    assert out == pytest.approx((0.5 - SEEN) * 20), "as much of it is seen as was seen last"
    assert all(-out - 6 <= x <= WIDTH + out + 6 for x in places)
    assert now.layers[1].pose.x == 60


def test_who_goes_off_for_good_leaves_where_it_is_out() -> None:
    now = stack(disc(RED, 20, 30))
    for _ in range(8):
        moved = move(now, rows())
        now = drive(
            moved.stack, moved.own, gained(-6.0, 0.0, 0.0), passing={0: "left"}, going_off=frozenset({0})
        )
        assert now.layers[0].pose.x < 20
    assert now.layers[0].leaving
    back = drive(
        stack(disc(RED, 20, 30)),
        moved.own,
        gained(-6.0, 0.0, 0.0),
        passing={0: "left"},
        going_off=frozenset({0}),
    )
    assert not back.layers[0].leaving, "as long as it is seen it is there"


def test_what_rises_goes_off_at_the_top_and_comes_in_at_the_bottom() -> None:
    now, places = stack(disc(RED, 20, 30)), list[float]()
    for _ in range(16):
        moved = move(now, rows())
        now = drive(moved.stack, moved.own, gained(0.0, -6.0, 0.0), passing={0: "up"})
        places.append(now.layers[0].pose.y)
    assert places[0] == pytest.approx(24, abs=LEAST_DRIVE), "as fast as the student says"
    jumps = [place for place, (a, b) in enumerate(pairwise([30.0, *places])) if b > a]
    assert jumps and places[jumps[0]] == pytest.approx(HEIGHT + (0.5 - SEEN) * 20)
    assert now.layers[0].pose.x == 20 and now.layers[0].pace > 5


def test_what_a_hand_holds_does_not_pass() -> None:
    held = disc(RED, 4, 30, hands=frozenset({7}))
    moved = move(stack(held), rows((7, (4, 30), (4, 30))))
    after = drive(moved.stack, moved.own, gained(-9.0, 0.0, 0.0), passing={0: "left"})
    assert after.layers[0].pose.x == pytest.approx(4)


def test_who_is_told_to_go_goes_on_at_not_much_less_than_its_pace() -> None:
    dx, pace = kept_up(-8.0, 0.0, -1)
    assert (dx, pace) == (-8.0, 8.0)
    dx, pace = kept_up(0.5, pace, -1)
    assert pace == pytest.approx(8 * PACE_KEPT) and dx == pytest.approx(-LEAST_PACE * pace)
    assert kept_up(-7.5, 8.0, -1)[0] == -7.5, "what it does itself is its own"
    assert kept_up(3.0, 0.0, -1) == (-LEAST_PACE * 3.0, 3.0), "it is not carried the other way"
    for _ in range(480):  # two minutes
        dx, pace = kept_up(0.0, pace, -1)
    assert abs(dx) < 0.25, "nobody is pushed for ever"


def test_what_is_hidden_on_its_way_comes_out_again() -> None:
    now = stack(disc(RED, 30, 30, radius=6), disc(BLUE, 56, 30, radius=14))
    hidden, x = 0, []
    for _ in range(16):
        moved = move(now, rows())
        hidden += float(moved.own[0].sum()) < 1
        told = gained(6.0 if float(moved.own[0].sum()) >= 1 else 0.0, 0.0, 0.0)
        now = drive(moved.stack, moved.own, told, frozenset({1}), {0: "right"})
        x.append(now.layers[0].pose.x)
    assert hidden and max(x) > 80 and now.layers[1].pose.x == 56


def test_who_went_off_a_side_and_is_told_to_stop_comes_in() -> None:
    gone = stack(replace(disc(RED, 4, 30), pace=6.0))
    moved = move(gone, rows())
    after = drive(moved.stack, moved.own, gained(0.0, 0.0, 0.0)).layers[0]
    assert after.pose.x == pytest.approx(4 + 6 * LEAST_PACE - LEAST_DRIVE) and after.pace == 6.0
    now = gone
    for _ in range(6):
        moved = move(now, rows())
        now = drive(moved.stack, moved.own, gained(0.0, 0.0, 0.0))
    assert now.layers[0].pace == 0 and 10 <= now.layers[0].pose.x < 14, "it stops when it is seen whole"
    put = drive(stack(disc(RED, 4, 30)), moved.own, gained(0.0, 0.0, 0.0)).layers[0]
    assert put.pose.x == 4, "where a hand put it, it stays"


@pytest.mark.parametrize(("side", "dx"), [("left", -3.0), ("right", 3.0)])
def test_what_flies_to_a_side_stays_at_its_height_and_what_walks_may_fall(side: str, dx: float) -> None:
    """A bird that sinks by a pixel a chunk walks before it is once round the picture; a dog that was lifted falls."""
    moved = move(stack(disc(RED, 50, 30)), rows())
    ways = {
        way: drive(moved.stack, moved.own, gained(dx, 2.0, 0.0), passing={0: way}).layers[0]
        for way in (f"level {side}", side)
    }
    flies, walks = ways[f"level {side}"], ways[side]
    assert flies.pose.y == 30 and walks.pose.y > 31
    assert flies.pose.x == walks.pose.x == pytest.approx(50 + dx, abs=LEAST_DRIVE)
    assert flies.pace == walks.pace == 3.0, "which either keeps up"


def test_a_pace_is_of_the_way_that_was_told() -> None:
    moved = move(stack(replace(disc(RED, 50, 30), pace=6.0)), rows())
    turned = drive(moved.stack, moved.own, gained(1.0, 0.0, 0.0), passing={0: "left"})
    assert turned.layers[0].pose.x == pytest.approx(50 - 6 * PACE_KEPT * LEAST_PACE + LEAST_DRIVE)
    assert drive(moved.stack, moved.own, gained(1.0, 0.0, 0.0)).layers[0].pace == 0, "and of no other"


def test_those_of_a_kind_who_go_the_same_way_go_at_about_one_pace() -> None:
    """One of three ducks swam twice as fast as another, and came to lie on it."""
    fast, slow = replace(disc(RED, 80, 30), pace=10.0), disc(RED, 50, 30)
    other, held = replace(disc(BLUE, 30, 30), label="fox"), replace(disc(RED, 20, 30), hands=frozenset({1}))
    moved = move(stack(fast, slow, other, held), rows((1, (20, 30), (20, 30))))
    ways = dict.fromkeys(range(4), "left")
    after = drive(moved.stack, moved.own, gained(-1.0, 0.0, 0.0), passing=ways)
    gone = [before.pose.x - now.pose.x for before, now in zip(moved.stack.layers, after.layers, strict=True)]
    own = 10 * PACE_KEPT * TROOP_PACE - LEAST_DRIVE
    assert gone[:2] == pytest.approx([own, own]) and gone[2] == pytest.approx(1 - LEAST_DRIVE)
    assert gone[3] == 0
    lone = drive(moved.stack, moved.own, gained(-1.0, 0.0, 0.0), passing={0: "left", 1: "right"})
    assert lone.layers[1].pose.x == pytest.approx(50 + LEAST_PACE - LEAST_DRIVE), "and nobody else's"


def test_who_is_chased_goes_about_as_fast_as_who_chases_it() -> None:
    rabbit, dog = disc(RED, 60, 30), disc(BLUE, 80, 30)
    moved = move(stack(replace(rabbit, label="rabbit"), replace(dog, label="dog", pace=10.0)), rows())
    told = {0: "left", 1: "left"}
    apart, chased = (
        drive(moved.stack, moved.own, gained(-1.0, 0.0, 0.0), passing=told, chases=chases).layers[0].pose.x
        for chases in ({}, {0: "rabbit", 1: "rabbit"})
    )
    assert 60 - apart == pytest.approx(1 - LEAST_DRIVE)
    assert 60 - chased == pytest.approx(10 * PACE_KEPT * TROOP_PACE - LEAST_DRIVE)
    told, both = {0: "right", 1: "left"}, {0: "rabbit", 1: "rabbit"}
    parting = (
        drive(moved.stack, moved.own, gained(-1.0, 0.0, 0.0), passing=told, chases=both).layers[0].pose.x
    )
    assert parting - 60 == pytest.approx(10 * PACE_KEPT * TROOP_PACE - LEAST_DRIVE), "the other way, too"


def test_what_floats_comes_neither_up_nor_down() -> None:
    moved = move(stack(disc(RED, 50, 30)), rows())
    after = drive(moved.stack, moved.own, gained(3.0, 2.0, 0.0), floating=frozenset({0})).layers[0]
    assert (after.pose.x, after.pose.y) == (53 - LEAST_DRIVE, 30)


def test_who_is_upright_goes_without_turning() -> None:
    """A cup of a photo lay on its side when it had run to the left."""
    moved = move(stack(replace(disc(RED, 50, 30), cut=True)), rows())
    ways = {0: "left"}
    after = drive(moved.stack, moved.own, gained(-3.0, 0.0, 0.3), passing=ways, upright=frozenset({0}))
    assert after.layers[0].pose.angle == 0 and after.layers[0].pose.x < 48
    assert drive(moved.stack, moved.own, gained(-3.0, 0.0, 0.3), passing=ways).layers[0].pose.angle > 0.2
