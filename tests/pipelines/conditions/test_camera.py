"""Camera control as tracks of the scene. The signs are those of the wire contract."""

from __future__ import annotations

import numpy as np
import pytest

from flowbrush.controls import CameraSet
from flowbrush.pipelines.conditions.camera import CLEAR, CameraState, ground_tracks
from flowbrush.pipelines.conditions.strokes import TOP_SPEED
from flowbrush.pipelines.staging.layout import EDGE

FPS = 16.0


def played(
    state: CameraState, seconds: float, painted: tuple[np.ndarray, ...] = (), aspect: float = 0.6
) -> tuple[CameraState, np.ndarray]:
    """The state after `seconds`, and the scene's points before and after its last chunk: [N, 2, 2]."""
    ends = np.zeros((0, 2, 2))
    for chunk in range(round(seconds * FPS / 4)):
        times = (4 * chunk + np.arange(-1, 4)) / FPS
        state, rows = ground_tracks(state, times, painted, aspect)
        ends = np.array([[xy[0], xy[-1]] for xy, _ in rows]).reshape(-1, 2, 2)
    return state, ends


def told(**values: object) -> CameraState:
    return CameraState().told(CameraSet(**values))


def test_a_camera_that_stands_still_has_no_tracks() -> None:
    assert len(played(CameraState(), 0.25)[1]) == 0


@pytest.mark.parametrize(
    ("pan", "sign"), [((0.2, 0.0), (-1, 0)), ((-0.2, 0.0), (1, 0)), ((0.0, 0.2), (0, -1))]
)
def test_the_scene_moves_against_the_pan(pan: tuple[float, float], sign: tuple[int, int]) -> None:
    _, ends = played(told(mode="velocity", pan=pan), 0.25)
    move = ends[:, 1] - ends[:, 0]
    assert move == pytest.approx(np.tile(np.array(sign) * 0.2 * 4 / FPS, (len(move), 1)))


def test_positive_zoom_goes_in() -> None:
    _, ends = played(told(mode="velocity", zoom=1.0), 0.25)
    distance = np.linalg.norm(ends - 0.5, axis=2)
    off_centre = distance[:, 0] > 1e-6
    ratio = distance[off_centre, 1] / distance[off_centre, 0]
    assert ratio == pytest.approx(np.full(len(ratio), 2 ** (4 / FPS)))


@pytest.mark.parametrize("aspect", [0.6, 1.0, 192 / 320, 320 / 192])
def test_positive_roll_turns_the_scene_anticlockwise_on_the_screen(aspect: float) -> None:
    _, ends = played(told(mode="velocity", roll=90.0), 0.25, aspect=aspect)
    offset = (ends - 0.5) * [1.0, aspect]  # y points down
    angle = np.degrees(
        np.arctan2(offset[:, 1, 1], offset[:, 1, 0]) - np.arctan2(offset[:, 0, 1], offset[:, 0, 0])
    )
    off_centre = np.linalg.norm(offset[:, 0], axis=1) > 1e-6
    turned = (angle[off_centre] + 180) % 360 - 180
    assert turned == pytest.approx(np.full(len(turned), -90 * 4 / FPS))
    radius = np.linalg.norm(offset, axis=2)
    assert radius[:, 0] == pytest.approx(radius[:, 1]), "the picture is turned, not sheared"


@pytest.mark.parametrize("width, height", [(320, 192), (192, 320), (256, 256)])
def test_a_quarter_turn_keeps_lengths_in_pictures_of_any_shape(width: int, height: int) -> None:
    state = told(mode="velocity", roll=360.0)  # a quarter turn in a chunk of a quarter second
    _, ends = played(state, 0.25, aspect=height / width)
    pixels = (ends - 0.5) * [width, height]
    before, after = pixels[:, 0], pixels[:, 1]
    assert len(before) == 15
    assert after == pytest.approx(np.stack([before[:, 1], -before[:, 0]], 1), abs=1e-6)


def test_velocity_adds_up() -> None:
    state, _ = played(told(mode="velocity", pan=(0.1, 0.0), zoom=0.5), 2.0)
    assert state.pose == pytest.approx((0.2, 0.0, 1.0, 0.0))


def test_a_target_is_approached_and_then_kept() -> None:
    state, _ = played(told(mode="target", pan=(0.3, -0.2), roll=30.0), 5.0)
    assert state.pose == pytest.approx((0.3, -0.2, 0.0, 30.0), abs=1e-3)
    _, ends = played(state, 0.25)
    assert len(ends) == 0


def test_a_target_is_as_good_as_reached_in_a_second() -> None:
    state, _ = played(told(mode="target", pan=(0.5, 0.0)), 1.0)
    assert 0.5 * 0.97 < state.pose[0] < 0.5


def test_scene_points_are_spread_over_the_picture_evenly() -> None:
    _, ends = played(told(mode="velocity", pan=(0.2, 0.0)), 0.25)
    columns, rows = (np.unique(ends[:, 0, axis]) for axis in (0, 1))
    for places in (columns, rows):
        assert places == pytest.approx((np.arange(len(places)) + 0.5) / len(places))


def test_scene_points_keep_clear_of_painted_ones() -> None:
    painted = np.array([0.5, 0.5])
    _, free = played(told(mode="velocity", pan=(0.2, 0.0)), 0.25)
    _, ends = played(told(mode="velocity", pan=(0.2, 0.0)), 0.25, (painted,))
    assert 0 < len(ends) < len(free)
    assert (np.linalg.norm(ends[:, 0] - painted, axis=1) >= CLEAR).all()


@pytest.mark.parametrize("aspect", [0.6, 1.0, 320 / 192])
def test_no_scene_point_sits_on_a_thing_that_is_held_and_most_stay(aspect: float) -> None:
    """A thing as large as a prompt's, a quarter of the picture's mean side: held by its middle, wherever that is."""
    radii = 0.8 * EDGE / 2 * np.sqrt([aspect, 1 / aspect])  # frame sizes; it is rounder than its square
    free = len(played(told(mode="velocity", pan=(0.2, 0.0)), 0.25)[1])
    for x in np.linspace(0.1, 0.9, 17):
        for y in np.linspace(0.1, 0.9, 17):
            _, ends = played(told(mode="velocity", pan=(0.2, 0.0)), 0.25, (np.array([x, y]),), aspect)
            assert (np.linalg.norm((ends[:, 0] - (x, y)) / radii, axis=1) > 1).all()
            assert len(ends) >= free - 2


def test_a_camera_that_is_told_where_to_go_is_no_faster_than_a_hand_may_be() -> None:
    state = told(mode="target", pan=(0.5, 0.0))
    times = np.arange(-1, 4) / FPS
    assert np.abs(np.diff(state.poses(times)[:, 0])).max() < TOP_SPEED
