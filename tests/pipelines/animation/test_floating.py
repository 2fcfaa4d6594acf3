"""Boats stay on the water on which they are, as long as nobody tells them anything else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stacks import HEIGHT, RED, disc, stack

from flowbrush.models.keyframes import Ground
from flowbrush.pipelines.animation.floating import floating
from flowbrush.pipelines.conditions.controls import Blend, fold, initial_state
from flowbrush.pipelines.parsing.wanted import IN_PLACE, Wanted

SHORE = Ground(0.68, water=(0.4, 0.65))
PLAN = fold(initial_state((("p", 1.0),), ()), (), 0, 4, 16.0, 0.6)[1]
BOAT = Wanted("boat", home="afloat")
HORIZON = 0.4 * HEIGHT


class Reader:
    """Everything is what is wanted."""

    def __init__(self, thing: Wanted | None) -> None:
        self.thing = thing

    def wanted(self, prompts: Blend, called: str, number: int) -> Wanted | None:
        return self.thing


def floats(thing: Wanted | None, y: float = HORIZON, ground: Ground = SHORE) -> bool:
    now = stack(disc(RED, 30, y))
    return floating(Reader(thing), now, PLAN, ground) == frozenset({0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "thing", [BOAT, replace(BOAT, verb="sail", toward="left"), replace(BOAT, verb="float")], ids=str
)
def test_a_boat_stays_on_the_water(thing: Wanted) -> None:
    assert floats(thing)


@pytest.mark.parametrize(
    "thing",
    [
        None,
        replace(BOAT, home="ground"),
        replace(BOAT, verb="hop"),
        replace(BOAT, verb="sail", direction="down"),
        replace(BOAT, direction=IN_PLACE),
    ],
    ids=str,
)
def test_others_and_one_that_is_told_to_rise_or_to_sink_do_not(thing: Wanted | None) -> None:
    assert not floats(thing)


def test_one_that_a_hand_has_put_into_the_sky_comes_down_and_ashore_it_stands() -> None:
    assert not floats(BOAT, y=HORIZON - 12) and floats(BOAT, y=HORIZON - 3)
    assert not floats(BOAT, ground=Ground(0.6)) and not floats(BOAT, ground=Ground(0.85, water=(-0.3, 0.83)))
