"""Layers that sit on others."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from stacks import BLUE, RED, disc, rows, stack

from flowbrush.pipelines.animation.drive import drive
from flowbrush.pipelines.parsing.wanted import IT, Wanted
from flowbrush.pipelines.reference.acquire import Acquirer, Touch
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.staging.seats import let_down, sat_down, with_carriers
from flowbrush.pipelines.staging.transition import advance

CAR, CAT = Wanted("car"), Wanted("cat", on="car")
ON_IT = Wanted("cat", on=IT)


def car(x: float = 40, y: float = 45, **more: object) -> Layer:
    return replace(disc(RED, x, y, 12), label="car", **more)  # type: ignore[arg-type]


def cat(**more: object) -> Layer:
    return replace(disc(BLUE, 70, 20, 8), label="cat", **more)  # type: ignore[arg-type]


def ridden() -> LayerStack:
    return stack(*sat_down([cat(), car()], [CAT, CAR]))


def places(now: LayerStack) -> dict[str, tuple[float, float]]:
    return {layer.label: (layer.pose.x, layer.pose.y) for layer in now.layers}


def test_who_sits_is_smaller_and_in_front_with_its_foot_at_the_others_top() -> None:
    now = ridden()
    assert [layer.label for layer in now.layers] == ["car", "cat"]
    rider = now.layers[1]
    assert rider.pose.scale == 0.75 and rider.depth == now.layers[0].depth
    assert rider.pose.x == pytest.approx(40, abs=0.5)
    foot, top = rider.pose.y + 8 * 0.75, 45 - 12
    assert 1.8 < foot - top < 2.8, "who sits is a little lower than the top, and not half in it"


@pytest.mark.parametrize(("width", "high"), [(4, True), (2, False)])
def test_a_seat_is_a_third_as_wide_as_who_sits_there(width: int, high: bool) -> None:
    """One sits on a roof, and not on its chimney."""
    house = torch.zeros(4, 24, 24)
    house[:, 12:], house[:, :, 12 - width // 2 : 12 + width // 2] = 1.0, 1.0
    _, rider = sat_down([cat(), replace(car(), rgba=house)], [CAT, CAR])
    assert (rider.pose.y + 8 * 0.75 < 45 - 6) == high


@pytest.mark.parametrize(("label", "across"), [("top hat", 33), ("cat", 46)])
def test_on_what_was_cut_from_a_photo_a_hat_is_on_the_head(label: str, across: float) -> None:
    """It sat above the middle of the cut-out's box, beside somebody whose head, or a shred of whom, is elsewhere."""
    somebody = torch.zeros(4, 24, 48)
    somebody[:, :8, 14:20], somebody[:, 8:, 14:46] = 1.0, 1.0  # a head, and a body to the right of it
    carrier = replace(car(), rgba=somebody, cut=True)
    _, rider = sat_down([replace(cat(), label=label), carrier], [replace(CAT, label=label), CAR])
    assert rider.pose.x == pytest.approx(across, abs=2)


def test_two_on_one_sit_side_by_side() -> None:
    now = sat_down([cat(), cat(number=1), car()], [CAT, CAT, CAR])
    assert now[1].pose.x == pytest.approx(40 - 6, abs=0.7) and now[2].pose.x == pytest.approx(40 + 6, abs=0.7)
    assert 16 * now[1].pose.scale < 12 and now[1].pose.scale > 0.5, "and neither hides the other"
    assert now[1].pose.y > 45 - 12 - 8, "on its shoulders, which are lower"


def test_of_two_as_large_as_what_they_sit_on_neither_hides_more_of_the_other_than_its_rim() -> None:
    large = [replace(disc(BLUE, 70, 20, 12), label="cat", number=number) for number in range(2)]
    now = sat_down([*large, car()], [CAT, CAT, CAR])
    assert now[2].pose.x - now[1].pose.x > 0.8 * now[1].extents[0]


def test_who_comes_later_sits_on_what_is_there_and_on_nothing_that_leaves() -> None:
    (late,) = sat_down([cat()], [CAT], [car()])
    assert late.seat is not None and late.pose.x == pytest.approx(40, abs=0.5)
    (alone,) = sat_down([cat()], [CAT], [car(leaving=True)])
    assert alone.seat is None and alone.pose == cat().pose


def test_who_sits_on_what_leaves_comes_down_with_it() -> None:
    """Step by step, whatever hands do meanwhile, and within a chunk where the picture changes at once."""
    now = ridden()
    now = replace(now, layers=(replace(now.layers[0], leaving=True), now.layers[1]))
    ground = 45 + 12 - 8 * 0.75
    heights = [now.layers[1].pose.y]
    (at_once,) = move(advance(now, 1.0), rows()).stack.layers
    assert at_once.pose.y == pytest.approx(ground) and at_once.seat is None
    for share in (0.25, 0.5, 0.75):
        now = move(advance(now, share), rows()).stack
        heights.append(now.layers[1].pose.y)
    steps = [below - above for above, below in pairwise(heights)]
    assert steps == pytest.approx([(ground - heights[0]) / 4] * 3)
    (alone,) = move(advance(now, 1.0), rows()).stack.layers
    assert alone.pose.y == pytest.approx(ground) and let_down(stack(alone), 1.0).layers == (alone,)
    stays = ridden()
    assert let_down(stays, 0.5).layers == stays.layers


def test_a_hand_that_takes_the_carrier_takes_the_rider_along() -> None:
    taken = Acquirer(None, None).take(ridden(), 1, Touch((40, 50)))
    assert [layer.label for layer in taken.layers] == ["car", "cat"], "the rider stays in front"
    moved = move(taken, rows((1, (40, 50), (60, 40)))).stack
    before, after = places(taken), places(moved)
    for label in ("car", "cat"):
        assert np.subtract(after[label], before[label]) == pytest.approx((20, -10), abs=0.01)


def test_a_hand_that_takes_the_rider_lifts_it() -> None:
    now = ridden()
    x, y = places(now)["cat"]
    taken = Acquirer(None, None).take(now, 1, Touch((x, y - 2)))
    assert taken.layers[-1].label == "cat" and taken.layers[-1].seat is None
    moved = move(taken, rows((1, (x, y), (x + 20, y)))).stack
    assert places(moved)["car"] == places(now)["car"]
    assert places(moved)["cat"][0] == pytest.approx(x + 20, abs=0.01)


def test_who_carries_goes_and_the_rider_with_it_round_the_picture_too() -> None:
    now = ridden()
    gained = torch.zeros(3, 8, 12)
    gained[0] = -3.0
    own = torch.ones(2, 8, 12)
    before, after = places(now), places(drive(now, own, gained))
    assert after["car"][0] < before["car"][0] - 2
    assert np.subtract(after["cat"], before["cat"]) == pytest.approx(
        np.subtract(after["car"], before["car"]), abs=1e-6
    )
    edge = replace(now, layers=tuple(replace(each, pose=replace(each.pose, x=-4.0)) for each in now.layers))
    round_ = places(drive(edge, own, gained, passing={0: "left"}))
    assert round_["car"][0] > 90 and round_["cat"][0] == pytest.approx(round_["car"][0], abs=0.5)


def test_within_a_chunk_the_rider_moves_as_its_carrier_does() -> None:
    now, flows = ridden(), torch.zeros(4, 2, 8, 12)
    own = torch.zeros(2, 8, 12)
    own[0, 4:7, 4:7], own[1, 2:4, 4:6] = 1.0, 1.0
    flows[:, 0, 4:7, 4:7] = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1)
    flows[:, 1, 2:4, 4:6] = 9.0
    made = with_carriers(flows, now, own)
    assert torch.allclose(
        made[:, 0, 2:4, 4:6], torch.tensor([1.0, 2.0, 3.0, 4.0]).view(4, 1, 1).expand(4, 2, 2)
    )
    assert not made[:, 1, 2:4, 4:6].any() and torch.equal(made[:, :, 4:7], flows[:, :, 4:7])
    lifted = replace(now, layers=(now.layers[0], replace(now.layers[1], hands=frozenset({1}))))
    assert torch.equal(with_carriers(flows, lifted, own), flows)


@pytest.mark.parametrize(
    ("there", "wearer"),
    [
        ([], None),
        ([car()], "car"),
        ([replace(car(), label=IT), car()], IT),
        ([car(), replace(car(), label="bus", leaving=True)], "car"),
        ([replace(car(), label="")], None),
    ],
)
def test_what_is_put_on_it_is_on_who_is_called_so_or_in_front(there: list[Layer], wearer: str | None) -> None:
    (new,) = sat_down([cat()], [ON_IT], there)
    assert (new.seat.label if new.seat else None) == wearer


@pytest.mark.parametrize(("y", "top"), [(45, None), (18, 0), (-30, None)])
def test_who_would_sit_above_the_picture_sits_lower(y: float, top: float | None) -> None:
    """A hat on a head at the picture's rim was not seen."""
    _, rider = sat_down([cat(), car(y=y)], [CAT, CAR])
    usual = y - 12 + 8 * 0.75 * (2 * 0.12 - 1)
    rise = rider.pose.y - usual
    if top is not None:
        assert rider.pose.y - 8 * 0.75 == pytest.approx(top, abs=0.01) and rise > 1
    else:
        assert rise == pytest.approx(0 if y > 0 else 0.6 * 16 * 0.75, abs=1.0)
