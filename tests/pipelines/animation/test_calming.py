"""How much of a student's motion there is of what was cut from a photo."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import BLUE, HEIGHT, RED, WIDTH, disc, rows, stack

from flowbrush.pipelines.animation.calming import calmed, unrest
from flowbrush.pipelines.reference.layers import Layer, Seat
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.reference.steps import TrackRows

GRID = (HEIGHT // 8, WIDTH // 8)
PIECE = disc(RED, 24, 32, cut=True)
STILL = rows()


def after(layer: Layer, way: TrackRows, chunks: int = 20, told: tuple[int, ...] = ()) -> float:
    there = stack(layer)
    for _ in range(chunks):
        there = calmed(there, way, told)
    return there.layers[0].unrest


def test_what_was_let_go_comes_to_rest_in_steps() -> None:
    left = [after(PIECE, STILL, chunks) for chunks in (0, 1, 4, 20)]
    assert left[0] == 1 > left[1] > left[2] > left[3] == 0


@pytest.mark.parametrize(("far", "rests"), [(0.2, True), (6.0, False)])
def test_what_a_hand_moves_is_stirred_and_what_it_keeps_still_is_not(far: float, rests: bool) -> None:
    held = replace(PIECE, hands=frozenset({3}), unrest=0.1)
    assert (after(held, rows((3, (24, 32), (24 + far, 32)))) == 0) is rests
    another = rows((4, (70, 10), (90, 10)))
    assert after(held, another) == 0, "another hand moves another thing"


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (PIECE, (0,)),
        (disc(RED, 24, 32), ()),
        (replace(PIECE, seat=Seat("", 0, (24, 32), (60, 32, 1), 6)), ()),
    ],
    ids=["told to do something", "a prompt's", "on its way"],
)
def test_who_has_something_to_do_is_as_lively_as_ever(layer: Layer, told: tuple[int, ...]) -> None:
    assert after(replace(layer, unrest=0.0), STILL, 1, told) == 1


def seen(*layers: Layer) -> torch.Tensor:
    """How much of each layer its cells show."""
    return move(stack(*layers), STILL).own


def test_what_rests_has_no_motion_where_it_is_and_others_have_theirs() -> None:
    layers = replace(PIECE, unrest=0.0), disc(BLUE, 72, 32)
    still = unrest(stack(*layers), seen(*layers))
    assert still is not None and still.shape == GRID
    assert still[4, 3] < 0.05 and still[4, 9] > 0.95
    assert bool((still >= 0).all() and (still <= 1).all())


def test_beside_a_lively_hat_a_face_rests() -> None:
    """The hat had its share of the cells of the face that it is on, and bent that."""
    layers = replace(disc(RED, 48, 36, 24, cut=True), unrest=0.0), disc(BLUE, 48, 12, 8)
    still = unrest(stack(*layers), seen(*layers))
    assert still is not None and still[1, 5] > 0.95, "the hat"
    assert float(still[3:, 4:8].max()) < 0.05, "the face just below it"


def test_where_all_are_lively_nothing_is_worked_out() -> None:
    layers = PIECE, disc(BLUE, 72, 32)
    assert unrest(stack(*layers), seen(*layers)) is None and unrest(stack(), seen()) is None
    half = replace(PIECE, unrest=0.5)
    assert isinstance(unrest(stack(half), seen(half)), torch.Tensor)
