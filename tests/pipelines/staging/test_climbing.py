"""Who is there already and gets on another for a new prompt."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from stacks import BLUE, RED, disc, rows, stack

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.animation.drive import drive
from flowbrush.pipelines.conditions.controls import fold, initial_state
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.reference.layers import Layer, LayerStack, Seat
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.reference.rising import rise, risen
from flowbrush.pipelines.reference.stack_file import dump_layers, load_layers
from flowbrush.pipelines.staging.climbing import CHUNKS, dismounting, mounting
from flowbrush.pipelines.staging.scenes import SceneMaker

CAT_ON_CAR = (Wanted("car"), Wanted("cat", on="car"))


def car(**more: object) -> Layer:
    return replace(disc(RED, 40, 45, 12), label="car", **more)  # type: ignore[arg-type]


def cat(**more: object) -> Layer:
    return replace(disc(BLUE, 80, 45, 8), label="cat", **more)  # type: ignore[arg-type]


def place(now: LayerStack, label: str) -> Similarity:
    return next(layer.pose for layer in now.layers if layer.label == label)


def test_who_is_there_goes_up_evenly_and_is_before_what_it_sits_on_then() -> None:
    now = mounting(stack(cat(), car()), CAT_ON_CAR)
    assert [layer.label for layer in now.layers] == ["car", "cat"]
    way = [place(now, "cat")]
    for _ in range(CHUNKS):
        assert now.layers[1].seat is not None and now.layers[1].seat.goal is not None
        now = move(now, rows()).stack
        way.append(place(now, "cat"))
    steps = np.diff([(each.x, each.y, each.scale) for each in way], axis=0)
    assert steps[:, :2] == pytest.approx(np.tile(steps[0, :2], (CHUNKS, 1)), abs=0.3)
    assert way[-1].x == pytest.approx(40, abs=0.5) and way[-1].y + 8 * way[-1].scale == pytest.approx(
        33, abs=3
    )
    assert way[-1].scale == pytest.approx(0.75)
    seat = now.layers[1].seat
    assert seat is not None and seat.goal is None and move(now, rows()).stack.layers == now.layers


def test_in_every_frame_it_is_further() -> None:
    now = mounting(stack(cat(), car()), CAT_ON_CAR)
    steps = rise(now, [[Similarity()] * 4] * 2)[1]
    across = [step.after(now.layers[1].pose).x for step in steps]
    assert all(
        before - after == pytest.approx(10 / 4, abs=0.2) for before, after in pairwise([80.0, *across])
    )


def test_what_goes_meanwhile_is_reached_all_the_same() -> None:
    now = mounting(stack(cat(), car()), CAT_ON_CAR)
    own, gained = torch.zeros(2, 8, 12), torch.zeros(3, 8, 12)
    own[0], gained[0] = 1.0, 2.25
    for _ in range(CHUNKS):
        now = drive(move(now, rows()).stack, own, gained)
    assert place(now, "car").x > 46 and place(now, "cat").x == pytest.approx(place(now, "car").x, abs=0.5)


@pytest.mark.parametrize(
    "layers",
    [
        (cat(hands=frozenset({1})), car()),
        (cat(leaving=True), car()),
        (cat(), car(leaving=True)),
        (cat(seat=Seat("car", 0, (0.0, -16.0))), car()),
        (cat(),),
    ],
    ids=["held", "leaving", "what it is to sit on leaves", "sits there", "nothing to sit on"],
)
def test_who_stays_where_it_is(layers: tuple[Layer, ...]) -> None:
    assert mounting(stack(*layers), CAT_ON_CAR).layers == layers


def test_a_colour_that_is_said_is_that_of_who_goes() -> None:
    cats = [cat(number=0), replace(cat(number=1), label="red cat")]
    now = mounting(stack(*cats, car()), (Wanted("car"), Wanted("cat", color="red", on="car")))
    assert [layer.label for layer in now.layers if layer.seat] == ["red cat"]


def test_two_go_to_places_of_their_own() -> None:
    now = mounting(stack(cat(), cat(number=1), car()), (Wanted("car"), Wanted("cat", 2, on="car")))
    goals = [layer.seat.goal[0] for layer in now.layers if layer.seat and layer.seat.goal]
    assert len(goals) == 2 and goals[0] < -4 and goals[1] > 4


def test_a_hand_that_takes_who_is_on_the_way_has_it() -> None:
    now = mounting(stack(cat(), car()), CAT_ON_CAR)
    held = replace(now.layers[1], hands=frozenset({1}))
    assert risen(held) is held


def test_it_is_written_down_on_its_way() -> None:
    now = move(mounting(stack(cat(), car()), CAT_ON_CAR), rows()).stack
    assert [layer.seat for layer in load_layers(*dump_layers(now.layers))] == [
        layer.seat for layer in now.layers
    ]


def test_a_new_prompt_puts_the_cat_on_the_car(model: PocketModel) -> None:
    maker = SceneMaker(model)
    now = maker.stage((("a cat and a car", 1.0),), (320, 192), 5, [])
    plan = fold(initial_state((("the cat sits on the car", 1.0),), ()), (), 0, 4, 16.0, 0.6)[1]
    for _ in range(CHUNKS):
        now = move(maker.turn(now, plan), rows()).stack
    (rider,) = (layer for layer in now.layers if layer.seat)
    assert rider.label == "cat" and rider.pose.x == pytest.approx(place(now, "car").x, abs=2)
    assert len(now.layers) == 2


def seated_on(carrier: str) -> LayerStack:
    """A cat that sits on something."""
    return mounting(stack(replace(car(), label=carrier), cat()), (Wanted(carrier), Wanted("cat", on=carrier)))


def moved_on(now: LayerStack) -> LayerStack:
    for _ in range(CHUNKS):
        now = move(now, rows()).stack
    return now


def test_who_comes_off_stands_beside_it_as_large_as_before() -> None:
    on = moved_on(seated_on("car"))
    now = moved_on(dismounting(on, (Wanted("cat", off="car"), Wanted("car"))))
    cat_now, car_now = place(now, "cat"), place(now, "car")
    assert cat_now.scale == pytest.approx(1) and all(layer.seat is None for layer in now.layers)
    assert abs(cat_now.x - car_now.x) == pytest.approx(12 + 8, abs=0.5), "beside it, and no further"
    assert cat_now.x > car_now.x, "there is more room"
    assert cat_now.y + 8 == pytest.approx(car_now.y + 12, abs=0.5)


def test_who_is_to_go_somewhere_by_itself_comes_off() -> None:
    on = moved_on(seated_on("car"))
    assert dismounting(on, (Wanted("cat", verb="run"),)).layers[1].seat != on.layers[1].seat
    for said in (Wanted("cat", verb="rest"), Wanted("cat", verb="run", on="car"), Wanted("dog", verb="run")):
        assert dismounting(on, (said,)).layers == on.layers
    assert dismounting(on, (Wanted("cat", verb="fly"),)).layers[1].seat is None, "it stays in the air"
    held = replace(on, layers=(on.layers[0], replace(on.layers[1], hands=frozenset({1}))))
    assert dismounting(held, (Wanted("cat", off="car"),)).layers == held.layers
