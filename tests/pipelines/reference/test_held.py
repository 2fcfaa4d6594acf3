"""References for students whose picture is all their own: what a hand holds goes with it, and is what is sure."""

import numpy as np
import pytest
import torch

from flowbrush.controls import CameraSet, Point, TrackBegin
from flowbrush.pipelines.conditions.controls import fold, initial_state
from flowbrush.pipelines.reference.acquire import Acquirer, Touch
from flowbrush.pipelines.reference.held import disc, draw, taken
from flowbrush.pipelines.reference.held import moved as placed
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.steps import TrackRows
from flowbrush.pipelines.reference.touches import touches_of, track_rows

SIZE = (96, 128)  # H, W


def picture():
    """Grey, with a white square where the hand comes down."""
    made = torch.full((3, *SIZE), 0.5)
    made[:, 40:56, 24:40] = 1.0
    return made


def rows(*ends, hand=1):
    """One track from the square's middle, straight to `ends` (pixels) in four frames."""
    return from_to((32.0, 48.0), ends, hand)


def from_to(start, end, hand=1):
    share = np.linspace(0, 1, 5)[:, None]
    xy = np.array(start) + share * (np.array(end) - start)
    return TrackRows(np.array([hand]), xy[None], np.ones((1, 5), bool))


def moved(track_rows, layers=(), touches=None):
    """The chunk drawn, and what is held at its end."""
    given = {1: Touch((32.0, 48.0))} if touches is None else touches
    stack = LayerStack(picture(), torch.ones(1, *SIZE), layers)
    held = taken(Acquirer(None, None), stack, track_rows, given).layers
    return draw(picture(), held, track_rows), placed(held, track_rows)


def test_what_is_held_goes_with_the_hand_and_is_sure():
    made = moved(rows(80.0, 48.0))[0]
    assert made.frames.shape == (4, 3, *SIZE) and made.confidence.shape == (4, 1, *SIZE)
    assert made.frames[-1, 0, 48, 80] == pytest.approx(1.0, abs=0.01)
    assert made.frames[-1, 0, 48, 32] < 0.8, "its old place is filled from what is around it"
    assert made.confidence[-1, 0, 48, 80] > 0.99 and made.confidence[-1, 0, 48, 32] == 0
    assert made.confidence[-1, 0, 10, 10] == 0, "what nobody holds is the student's"
    assert made.confidence[1, 0, 48, 56] > 0.99, "half-way in the second frame"


def test_it_is_held_on_from_where_it_was_put():
    layers = moved(rows(80.0, 48.0))[1]
    assert (layers[0].pose.x, layers[0].pose.y) == pytest.approx((80, 48), abs=1)
    there = torch.roll(picture(), 48, 2)  # what the student made of it
    made = draw(there, layers, from_to((80.0, 48.0), (100.0, 48.0)))
    assert made.frames[-1, 0, 48, 100] == pytest.approx(1.0, abs=0.01)
    assert made.frames[-1, 0, 48, 76] < 0.8, "there is no second one where it was"


def test_what_is_let_go_is_the_student_s():
    layers = moved(rows(80.0, 48.0))[1]
    assert len(layers) == 1
    assert moved(rows(32.0, 48.0, hand=2), layers, {})[1] == ()


def test_a_hand_that_comes_down_anew_takes_anew():
    layers = moved(rows(80.0, 48.0))[1]
    (again,) = moved(rows(32.0, 48.0), layers)[1]
    assert again.hands == {1} and (again.pose.x, again.pose.y) == pytest.approx((32, 48), abs=1)


def test_a_region_says_what_is_taken():
    square = ((25 / 128, 41 / 96), (38 / 128, 41 / 96), (38 / 128, 54 / 96), (25 / 128, 54 / 96))
    made = moved(rows(80.0, 48.0), touches={1: Touch((32.0, 48.0), region=(square,))})[0]
    sure = made.confidence[-1, 0] > 0.5
    assert sure.sum() == pytest.approx(14 * 14, rel=0.2) and float(made.frames[-1, 0][sure].min()) > 0.9


def test_a_camera_carries_the_picture_and_what_comes_in_at_the_rim_is_the_student_s():
    state = initial_state((("a", 1.0),), ())
    plan = fold(state, [CameraSet(mode="velocity", pan=(0.5, 0.0))], 4, 4, 16.0, 0.75)[1]
    made = draw(picture(), (), track_rows(plan, SIZE))
    gone = 32 - float(made.frames[-1, 0, 48].argmax()) - 8  # of the square's left rim
    assert gone > 4, "the scene goes the other way"
    known = made.confidence[-1, 0, 48]
    assert known[: int(127 - gone)].min() > 0.99 and known[-int(gone - 1) :].max() == 0


def test_a_hand_of_several_points_takes_what_is_under_their_middle():
    begin = TrackBegin(
        track=1,
        kind="drag",
        points=(Point(t=0.25, x=0.25, y=0.5),),
        grid={"rows": 2, "cols": 2, "spacing": 0.1},
    )
    plan = fold(initial_state((("a", 1.0),), ()), [begin], 4, 4, 16.0, 0.75)[1]
    (touch,) = touches_of(plan, track_rows(plan, SIZE), SIZE, plan.fresh).values()
    assert touch.point == pytest.approx((32.0, 48.0), abs=0.5)


def test_the_disc_is_round_in_pixels():
    (polygon,) = disc((64.0, 48.0), SIZE)
    points = np.array(polygon) * [128, 96]
    assert np.hypot(*(points - [64, 48]).T) == pytest.approx(0.09 * 96)
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(np.pi * (0.09 * 96) ** 2, rel=0.02), "with few corners it were smaller"


def test_what_is_taken_where_nothing_is_found_is_a_circle_with_no_more_corners_than_that_takes():
    """Each is sent to the client; with one less its area is off by more than 1.2 %."""
    (corners,) = disc((64.0, 48.0), SIZE)
    x, y = np.array(corners).T * np.array(SIZE[::-1])[:, None]
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    circle = np.pi * ((x - 64) ** 2 + (y - 48) ** 2).max()
    assert 0.988 * circle < area
    fewer = len(corners) - 1
    assert fewer / 2 * np.sin(2 * np.pi / fewer) / np.pi < 0.988
