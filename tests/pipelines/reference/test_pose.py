"""The similarity fit: it finds what moved points, and invents nothing where points say little."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbrush.pipelines.reference.pose import STILL, Similarity, fit, turned_about

moves = st.builds(
    Similarity,
    st.floats(0.6, 1.8),
    st.floats(-3.0, 3.0),
    st.floats(-200, 200),
    st.floats(-200, 200),
)


@given(moves)
def test_three_points_tell_the_whole_similarity(truth: Similarity) -> None:
    before = np.array([[10.0, 20.0], [70.0, 30.0], [40.0, 90.0]])
    found = fit(before, truth(before))
    assert np.allclose(found(before), truth(before), atol=1e-6)
    assert found.scale == pytest.approx(truth.scale)


def test_one_point_only_shifts() -> None:
    found = fit(np.array([[10.0, 20.0]]), np.array([[15.0, 18.0]]))
    assert found == Similarity(1.0, 0.0, 5.0, -2.0)


def test_points_close_together_do_not_turn_a_thing() -> None:
    before = np.array([[10.0, 20.0], [12.0, 20.0]])
    after = np.array([[10.0, 20.0], [10.0, 22.0]])  # a quarter turn of two points two pixels apart
    assert fit(before, after).angle == 0.0


@pytest.mark.parametrize(("apart", "turns"), [(7.0, False), (9.0, True)])
def test_points_turn_a_thing_from_eight_pixels_apart_on(apart: float, turns: bool) -> None:
    """Four from their middle: a hand that trembles by a pixel turns it by a seventh, not by a half."""
    before, after = np.array([[0.0, 0.0], [apart, 0.0]]), np.array([[0.0, 0.0], [0.0, apart]])
    assert (fit(before, after).angle != 0.0) is turns


def test_growth_in_one_chunk_is_bounded() -> None:
    before = np.array([[0.0, 0.0], [100.0, 0.0]])
    assert fit(before, before * 9).scale == 2.0
    assert fit(before, before / 9).scale == 0.5


@given(moves, moves)
def test_one_after_the_other_and_back(first: Similarity, then: Similarity) -> None:
    points = np.array([[3.0, 4.0], [-50.0, 8.0]])
    both = then.after(first)
    assert np.allclose(both(points), then(first(points)), atol=1e-6)
    assert np.allclose(both.inverse(both(points)), points, atol=1e-6)


def test_a_turn_keeps_its_centre() -> None:
    step = turned_about((30.0, 40.0), math.pi / 3, (2.0, -1.0))
    assert np.allclose(step(np.array([30.0, 40.0])), [32.0, 39.0])


def test_still_moves_nothing() -> None:
    assert not STILL.moves and STILL(np.array([5.0, 6.0])).tolist() == [5.0, 6.0]
