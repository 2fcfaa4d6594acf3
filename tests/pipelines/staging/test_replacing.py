"""Things in place of others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import BLUE, RED, disc, stack

from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.reference.layers import Layer, Seat
from flowbrush.pipelines.staging.replacing import dealt, dyed, replaced


def sprite(layer: Layer, thing: Wanted) -> torch.Tensor:
    """Half a picture [4, 40, 40]: its left half is solid, and so is all of its lowest row."""
    rgba = torch.zeros(4, 40, 40)
    rgba[:, :, :20] = 1
    return rgba


def told(layer: Layer, thing: Wanted) -> tuple[tuple[str, float], ...]:
    return ((f"{layer.label} was a {thing.label}", 1.0),)


def test_one_comes_where_the_other_leaves() -> None:
    before = stack(disc(RED, 40, 30), disc(BLUE, 70, 30))
    old, new, other = replaced(before, {0: Wanted("horse")}, sprite, told).layers
    assert old.leaving and not old.hands and old.label == "disc"
    assert (new.label, new.opacity, new.told) == ("horse", 0.0, (("disc was a horse", 1.0),))
    assert new.pose.x == 40 and new.pose.y + 40 * new.pose.scale / 2 == pytest.approx(40), "on its feet"
    assert 40 * new.pose.scale == pytest.approx(20), "as large"
    assert other is before.layers[1]


def test_it_has_the_size_that_is_said_and_looks_to_the_same_side() -> None:
    layer = replace(disc(RED, 40, 30), looks="right")
    new = replaced(stack(layer), {0: Wanted("horse", size=1.25)}, sprite, told).layers[1]
    assert 40 * new.pose.scale == pytest.approx(25) and new.pose.y == pytest.approx(27.5)
    assert new.looks == "right" and torch.equal(new.rgba, sprite(layer, Wanted("horse")).flip(-1))
    rocket = replaced(stack(layer), {0: Wanted("rocket")}, sprite, told).layers[1]
    assert torch.equal(rocket.rgba, sprite(layer, Wanted("rocket"))), "a rocket's picture looks to the right"


def test_it_has_a_number_that_no_other_has_and_who_sat_there_sits_there_still() -> None:
    horse = replace(disc(RED, 20, 30), label="horse")
    rider = disc(BLUE, 40, 15, seat=Seat("disc", 0, (0.0, -10.0)))
    now = replaced(stack(horse, disc(RED, 40, 30), rider), {1: Wanted("horse")}, sprite, told)
    assert [(each.label, each.number) for each in now.layers] == [
        ("horse", 0), ("disc", 0), ("horse", 1), ("disc", 0)
    ]  # fmt: skip
    assert now.layers[3].seat is not None and now.layers[3].seat.carrier == ("horse", 1)


def test_what_is_so_already_stays() -> None:
    before = stack(replace(disc(RED, 20, 30), label="blue car"))
    assert replaced(before, {0: dyed(before.layers[0], "blue")}, sprite, told).layers == before.layers


def test_things_are_dealt_among_the_places() -> None:
    cat, dogs = Wanted("cat"), Wanted("dog", count=2)
    one = Wanted("dog")
    assert dealt([3, 5], [cat], all_alike=False) == ({3: cat}, [])
    assert dealt([3, 5], [cat], all_alike=True) == ({3: cat, 5: cat}, [])
    assert dealt([3], [dogs], all_alike=False) == ({3: one}, [one])
    assert dealt([3, 5, 6], [dogs], all_alike=False) == ({3: one, 5: one, 6: one}, [])
    assert dealt([], [cat], all_alike=False) == ({}, []) == dealt([3], [], all_alike=False)
