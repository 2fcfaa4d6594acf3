"""One painted track: time-stamped samples resampled to every frame, release, occlusion, speed, grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbrush.controls import Grid, Point, TrackBegin
from flowbrush.pipelines.conditions.strokes import TOP_SPEED, Selection, Stroke

FPS = 16.0


def times(first_frame: int, frames: int = 4) -> np.ndarray:
    """The pts of the last frame of the past and of a chunk's frames."""
    return (first_frame + np.arange(-1, frames)) / FPS


def begun(
    *points: tuple[float, float, float], kind: str = "drag", start: float = 0.0, **more: object
) -> Stroke:
    control = TrackBegin(track=1, kind=kind, points=tuple(Point(t=t, x=x, y=y) for t, x, y in points), **more)
    return Stroke.begun(control, start)


def points(*samples: tuple[float, float, float, bool]) -> tuple[Point, ...]:
    return tuple(Point(t=t, x=x, y=y, visible=v) for t, x, y, v in samples)


def played(
    stroke: Stroke | None, chunks: int, first: int = 0
) -> tuple[np.ndarray, np.ndarray, Stroke | None]:
    """xy [F, 2] and visible [F] of `chunks` chunks of 4 frames from frame `first` on, and what is left."""
    xy, visible = [], []
    for chunk in range(chunks):
        if stroke is None:
            break
        stroke, rows = stroke.play(times(first + 4 * chunk))
        for row_xy, row_visible in rows[:1]:
            xy.append(row_xy[1:])
            visible.append(row_visible[1:])
    return np.concatenate(xy), np.concatenate(visible), stroke


def test_samples_are_interpolated_at_the_time_of_every_frame() -> None:
    stroke = begun((0.0, 0.2, 0.5), (0.25, 0.3, 0.5))
    xy, _, _ = played(stroke, 1)
    expected = 0.2 + 0.1 * np.arange(4) / FPS / 0.25
    assert xy[:, 0] == pytest.approx(expected)
    assert xy[:, 1] == pytest.approx(0.5)


def test_no_sample_is_thrown_away() -> None:
    """A detour between two frames' samples shows where a frame falls on it."""
    stroke = begun((0.0, 0.2, 0.5), (1 / FPS, 0.22, 0.5), (2 / FPS, 0.2, 0.5), (3 / FPS, 0.2, 0.52))
    xy, _, _ = played(stroke, 1)
    assert xy == pytest.approx(np.array([[0.2, 0.5], [0.22, 0.5], [0.2, 0.5], [0.2, 0.52]]))


def test_the_row_begins_where_the_last_frame_left_it() -> None:
    stroke: Stroke | None = begun((0.0, 0.2, 0.5), (1.0, 0.4, 0.5))
    assert stroke is not None
    stroke, first = stroke.play(times(0))
    assert stroke is not None
    _, second = stroke.play(times(4))
    assert second[0][0][0] == pytest.approx(first[0][0][-1])


def test_a_held_point_stays_without_new_samples() -> None:
    xy, visible, left = played(begun((0.0, 0.3, 0.6)), 5)
    assert xy == pytest.approx(np.tile([0.3, 0.6], (20, 1)))
    assert visible.all()
    assert left is not None


def test_moves_continue_a_drag_and_arrive() -> None:
    stroke = begun((0.0, 0.2, 0.5)).extended(points((0.5, 0.3, 0.5, True)))
    xy, _, _ = played(stroke, 3)
    assert xy[-1] == pytest.approx([0.3, 0.5])


def test_samples_out_of_order_are_put_in_order() -> None:
    later, earlier = points((0.5, 0.3, 0.5, True)), points((0.25, 0.4, 0.5, True))
    one = begun((0.0, 0.2, 0.5)).extended(later).extended(earlier)
    other = begun((0.0, 0.2, 0.5)).extended(earlier).extended(later)
    assert one.samples == other.samples


def test_a_released_track_goes_once_its_samples_are_played() -> None:
    stroke = begun((0.0, 0.2, 0.5)).extended(points((0.4, 0.25, 0.5, True))).ended()
    left, rows = stroke.play(times(0))
    assert left is not None and rows, "samples of the second chunk are still to come"
    left, rows = left.play(times(4))
    assert rows, "the end of the drag is shown"
    assert left is None


def test_a_released_track_without_samples_is_gone_at_once() -> None:
    _, _, held = played(begun((0.0, 0.2, 0.5)), 1)
    assert held is not None
    left, rows = held.ended().play(times(4))
    assert left is None and not rows


def test_occlusion_is_not_release() -> None:
    stroke = begun((0.0, 0.2, 0.5)).extended(points((2 / FPS, 0.2, 0.5, False), (6 / FPS, 0.2, 0.5, True)))
    _, visible, left = played(stroke, 2)
    assert visible.tolist() == [True, True, False, False, False, False, True, True]
    assert left is not None


def test_a_fast_hand_is_followed_at_top_speed_until_caught_up() -> None:
    stroke = begun((0.0, 0.1, 0.5)).extended(points((1 / FPS, 0.9, 0.5, True)))
    xy, _, _ = played(stroke, 6)
    steps = np.linalg.norm(np.diff(xy, axis=0), axis=1)
    assert steps.max() <= TOP_SPEED + 1e-9
    assert xy[-1] == pytest.approx([0.9, 0.5])


def test_a_fast_drag_that_is_let_go_still_arrives() -> None:
    stroke = begun((0.0, 0.1, 0.5)).extended(points((1 / FPS, 0.9, 0.5, True))).ended()
    xy, _, left = played(stroke, 10)
    assert xy[-1] == pytest.approx([0.9, 0.5], abs=TOP_SPEED)
    assert left is None


def test_a_path_counts_its_time_from_the_frame_that_plays_it_first() -> None:
    path = begun((0.0, 0.2, 0.5), (0.25, 0.3, 0.5), kind="path", start=100 / FPS)
    xy, _, _ = played(path, 1, first=100)
    assert xy[:, 0] == pytest.approx(0.2 + 0.1 * np.arange(4) / 4)


def test_a_path_ends_by_itself() -> None:
    path = begun((0.0, 0.2, 0.5), (0.25, 0.3, 0.5), kind="path")
    _, _, left = played(path, 3)
    assert left is None


def test_a_grid_moves_as_one() -> None:
    stroke = begun((0.0, 0.4, 0.5), (0.25, 0.5, 0.5), grid=Grid(rows=2, cols=3, spacing=0.1))
    _, rows = stroke.play(times(0))
    assert len(rows) == 6
    starts = np.array([row[0][1] for row in rows])
    assert starts.mean(0) == pytest.approx([0.4, 0.5]), "the grid is centred on the hand"
    assert np.ptp(starts, axis=0) == pytest.approx([0.2, 0.1])
    moves = np.array([row[0][-1] - row[0][1] for row in rows])
    assert moves == pytest.approx(np.tile(moves[0], (6, 1)))


def test_a_stroke_keeps_what_it_was_told_to_take() -> None:
    region = (((0.1, 0.1), (0.4, 0.1), (0.4, 0.5)),)
    assert begun((0.0, 0.2, 0.2), region=region).selection == Selection(region)
    told = begun((0.0, 0.2, 0.2), add=((0.3, 0.3),), remove=((0.5, 0.5), (0.6, 0.5)))
    assert told.selection == Selection((), ((0.3, 0.3),), ((0.5, 0.5), (0.6, 0.5)))
    left, _ = told.play(times(0))
    assert left is not None and left.selection == told.selection


def test_a_pin_stands_where_it_was_put_at_once() -> None:
    stroke = begun((0.0, 0.7, 0.3), kind="pin")
    xy, _, left = played(stroke, 2)
    assert xy == pytest.approx(np.tile([0.7, 0.3], (8, 1)))
    assert left is not None


def test_a_pin_that_was_put_elsewhere_before_it_is_shown_is_there_at_once() -> None:
    stroke = begun((0.0, 0.2, 0.3), kind="pin").extended(points((1 / FPS, 0.8, 0.3, True)))
    xy, _, _ = played(stroke, 1)
    assert xy[1:] == pytest.approx(np.tile([0.8, 0.3], (3, 1)))


def test_a_pin_that_is_put_elsewhere_goes_there_no_faster_than_a_hand() -> None:
    _, _, left = played(begun((0.0, 0.2, 0.3), kind="pin"), 1)
    assert left is not None
    xy, _, _ = played(left.extended(points((0.25, 0.8, 0.3, True))), 3, first=4)
    assert np.abs(np.diff(xy[:, 0], prepend=0.2)).max() == pytest.approx(TOP_SPEED)
    assert xy[-1] == pytest.approx([0.8, 0.3])


coordinate = st.floats(-1, 2)
drag = st.lists(st.tuples(st.floats(0, 3), coordinate, coordinate, st.booleans()), min_size=1, max_size=12)


@settings(max_examples=60)
@given(drag, st.integers(0, 40))
def test_any_drag_is_finite_continuous_and_no_faster_than_allowed(
    samples: list[tuple], release_at: int
) -> None:
    samples = sorted(samples, key=lambda sample: sample[0])
    control = TrackBegin(track=1, kind="drag", points=points(*samples))
    stroke: Stroke | None = Stroke.begun(control, 0.0)
    xy = []
    for chunk in range(12):
        if stroke is None:
            break
        if chunk == release_at:
            stroke = stroke.ended()
        stroke, rows = stroke.play(times(4 * chunk))
        for row, visible in rows:
            assert row.shape == (5, 2) and visible.shape == (5,)
            assert np.isfinite(row).all()
            if xy:
                assert row[0] == pytest.approx(xy[-1])
            xy += list(row[1:])
    steps = np.linalg.norm(np.diff(np.array(xy), axis=0), axis=1)
    assert (steps <= TOP_SPEED + 1e-9).all()


def test_what_is_followed_at_top_speed_overlaps_itself_from_frame_to_frame() -> None:
    """Or a thing as wide as a prompt's, a fifth of the picture, were seen to jump."""
    xy, _, _ = played(begun((0.0, 0.1, 0.5)).extended(points((1 / FPS, 0.9, 0.5, True))), 2)
    assert np.linalg.norm(np.diff(xy, axis=0), axis=1).max() < 0.75 * 0.2


def test_a_hand_that_crosses_the_picture_at_once_is_caught_up_with_in_half_a_second() -> None:
    """What comes later is felt to be pulled through mud."""
    xy, _, _ = played(begun((0.0, 0.1, 0.5)).extended(points((1 / FPS, 0.9, 0.5, True))), 6)
    arrived = np.flatnonzero(np.abs(xy[:, 0] - 0.9) < 0.01)[0]
    assert arrived / FPS < 0.6
