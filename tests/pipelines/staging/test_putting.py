"""Things that a prompt puts elsewhere in the picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import BLUE, HEIGHT, RED, WIDTH, disc, rows, stack

from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.staging.climbing import dismounting
from flowbrush.pipelines.staging.putting import CHUNKS, landed, put, sided, swapped
from flowbrush.pipelines.staging.seats import carried


def there(now: LayerStack) -> list[tuple[float, float]]:
    """Where all are when they have come."""
    for _ in range(CHUNKS):
        now = move(now, rows()).stack
    assert all(layer.seat is None for layer in now.layers)
    return [(layer.pose.x, layer.pose.y) for layer in now.layers]


@pytest.mark.parametrize(
    ("side", "height", "x", "y"),
    [("left", "", 0.2 * WIDTH, 30), ("right", "", 0.8 * WIDTH, 30), ("middle", "", WIDTH / 2, 30),
     ("", "top", 40, 0.25 * HEIGHT), ("", "bottom", 40, 0.75 * HEIGHT)],
)  # fmt: skip
def test_a_thing_comes_to_a_side_or_a_height(side: str, height: str, x: float, y: float) -> None:
    assert there(put(stack(disc(RED, 40, 30)), [0], side, height)) == [pytest.approx((x, y), abs=0.1)]


def test_who_stands_above_the_ground_comes_down_to_it() -> None:
    high, low = disc(RED, 40, 20), disc(BLUE, 70, 50)
    both = landed(stack(high, low), [0, 1], 0.75)
    assert there(both) == [pytest.approx((40, 0.75 * HEIGHT - 10), abs=0.1), (70, 50)]
    for kept in (replace(high, hands=frozenset({1})), replace(high, leaving=True)):
        assert landed(stack(kept), [0], 0.75).layers == (kept,)
    assert landed(stack(high), [], 0.75).layers == (high,)


def test_several_stand_next_to_each_other_and_inside_the_picture() -> None:
    two = stack(disc(RED, 60, 20), disc(BLUE, 70, 40))
    (first, _), (second, _) = there(put(two, [0, 1], "left", ""))
    assert second - first == pytest.approx(18, abs=0.2), "discs of 20 pixels overlap by a tenth"
    large = there(put(stack(disc(RED, 60, 32, radius=28)), [0], "left", ""))
    assert large[0][0] == pytest.approx(28, abs=0.1)


def test_a_thing_is_on_its_way_for_a_second_and_a_half() -> None:
    """At once would be a jump through the picture."""
    now, places = put(stack(disc(RED, 80, 30)), [0], "left", ""), list[float]()
    for _ in range(6):
        now = move(now, rows()).stack
        places.append(now.layers[0].pose.x)
    assert all(before - after > 8 for before, after in zip([80, *places], places, strict=False))
    assert now.layers[0].seat is None


def test_nobody_takes_a_thing_out_of_a_hand() -> None:
    held = stack(disc(RED, 40, 30, hands=frozenset({1})), disc(BLUE, 70, 30))
    assert put(held, [0], "left", "").layers[0].seat is None
    assert swapped(held, 0, 1) is held


def test_who_changes_places_stands_where_the_other_stood() -> None:
    small, large = disc(RED, 20, 40, radius=6), disc(BLUE, 70, 30, radius=12)
    (x, y), (other_x, other_y) = there(swapped(stack(small, large), 0, 1))
    assert (x, y + 6) == pytest.approx((70, 42), abs=0.1)
    assert (other_x, other_y + 12) == pytest.approx((20, 46), abs=0.1)


def test_who_is_put_far_looks_where_it_goes() -> None:
    layer = replace(disc(RED, 70, 30), looks="right")
    assert put(stack(layer), [0], "left", "").layers[0].looks == "left"
    assert put(stack(layer), [0], "right", "").layers[0].looks == "right"
    near = replace(layer, pose=replace(layer.pose, x=0.2 * WIDTH + 5))
    assert put(stack(near), [0], "left", "").layers[0].looks == "right", "a step aside is no turn"


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        (Wanted("disc", side="right"), True),
        (Wanted("disc", side="left"), False),
        (Wanted("disc"), False),
        (Wanted("disc", side="right", verb="run", toward="left"), False),
    ],
)
def test_only_who_is_on_another_side_goes_to_it(wanted: Wanted, goes: bool) -> None:
    now = sided(stack(disc(RED, 20, 30)), [wanted])
    assert (now.layers[0].seat is not None) is goes


def test_a_piece_of_a_photo_carries_nobody_who_is_on_the_way() -> None:
    """Neither has a carrier's name: who goes to a place in the picture sits on nothing."""
    piece, dog = replace(disc(BLUE, 20, 40), label=""), replace(disc(RED, 60, 30), label="dog")
    going = put(stack(piece, dog), [1], "right", "")
    assert going.carriers() == {} and carried(going) is going
    assert [layer.label for layer in going.in_front(piece, 0).layers] == ["dog", ""]
    led = dismounting(going, [Wanted("dog", verb="run", direction="left")])
    assert led.layers[1].seat == going.layers[1].seat
    assert there(going)[1] == pytest.approx((0.8 * WIDTH, 30), abs=0.1)
