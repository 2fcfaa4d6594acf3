"""Of many tracks: what goes with the ground, and what goes its own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from stacks import HEIGHT, RED, WIDTH, disc, stack
from torch import Tensor

from flowbrush.pipelines.reference import motion_groups
from flowbrush.pipelines.reference.acquire import Acquirer, Box
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.motion_groups import own_ways, steadied, with_movers
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.steps import TrackRows, hand_steps

FRAMES = 4
PAN = Similarity(x=9.0, y=1.0)
Way = Callable[[np.ndarray], np.ndarray]


def rows_of(points: np.ndarray, after: np.ndarray) -> TrackRows:
    """Tracks 1, 2, … that go evenly from `points` [n, 2] to `after`."""
    shares = np.linspace(0, 1, 1 + FRAMES)[:, None]
    xy = points[:, None] + (after - points)[:, None] * shares
    return TrackRows(1 + np.arange(len(points)), xy.astype(np.float32), np.ones(xy.shape[:2], bool))


def grid(columns: int, rows: int, width: int = 320, height: int = 192) -> np.ndarray:
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns * width, (np.arange(rows) + 0.5) / rows * height)
    return np.stack([x.ravel(), y.ravel()], 1)


def groups(points: np.ndarray, after: np.ndarray, width: int = 320) -> list[set[int]]:
    rows = rows_of(points, after)
    return [set(group) for group in own_ways(rows, rows.hands.tolist(), width)]


def in_box(points: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return ((points > (left, top)) & (points < (right, bottom))).all(1)


def numbers(chosen: np.ndarray) -> set[int]:
    return set((1 + np.flatnonzero(chosen)).tolist())


@pytest.mark.parametrize("camera", [Similarity(), PAN, Similarity(1.08, 0.04, -20.0, 3.0)])
def test_who_walks_through_a_picture_is_told_from_its_ground(camera: Similarity) -> None:
    points = grid(8, 5)
    walker = in_box(points, 130, 50, 190, 150)
    after = camera(points)
    after[walker] += (-6.0, 1.0)
    assert groups(points, after) == [numbers(walker)]
    assert groups(points, camera(points)) == []


def test_two_who_go_apart_are_two_and_the_larger_one_comes_first() -> None:
    """Neighbours in a grid, and diagonally, belong together; so do those that are linked by others alone."""
    points, after = grid(8, 5), grid(8, 5)
    right, left = in_box(points, 170, 0, 320, 80), in_box(points, 0, 0, 60, 80)
    after[right] += (5.0, 0.0)
    after[left] += (-5.0, 0.0)
    assert groups(points, after) == [numbers(right), numbers(left)]
    beside = in_box(points, 60, 0, 170, 60)
    after[beside] += (0.0, 6.0)  # next to both, and another way
    assert sorted(map(len, groups(points, after))) == sorted([right.sum(), left.sum(), beside.sum()])
    corners = in_box(points, 50, 40, 70, 70) | in_box(
        points, 90, 80, 110, 110
    )  # one cell, and the next one across its corner
    after = grid(8, 5)
    after[corners] += (0.0, -7.0)
    assert groups(points, after) == [numbers(corners)] and corners.sum() == 2


def test_two_alike_far_from_each_other_are_two() -> None:
    for by_grid, boxes in (
        ((12, 8), ((20, 60, 60, 100), (115, 60, 150, 100))),
        ((8, 5), ((50, 40, 70, 70), (130, 40, 150, 70))),  # every other one of a row
    ):
        points, after = grid(*by_grid), grid(*by_grid)
        first, second = (in_box(points, *box) for box in boxes)
        after[first | second] += (8.0, 0.0)
        assert sorted(groups(points, after), key=min) == [numbers(first), numbers(second)]


def test_what_is_plain_between_its_tracks_is_one() -> None:
    """In dense tracks some of a thing are lost, in its middle."""
    dense = grid(32, 20)
    points = dense[in_box(dense, 80, 40, 170, 130) & ~in_box(dense, 112, 55, 130, 105)]
    first, second = in_box(points, 100, 60, 112, 100), in_box(points, 130, 60, 142, 100)
    after = points + (first | second)[:, None] * (8.0, 0.0)
    assert groups(points, after) == [numbers(first | second)]


@pytest.mark.parametrize(("by", "one"), [((3.0, 0.0), True), ((6.0, 0.0), False)])
def test_limbs_do_not_go_quite_as_the_body_does(by: tuple[float, float], one: bool) -> None:
    points, after = grid(8, 5), grid(8, 5)
    body, leg = in_box(points, 130, 40, 190, 90), in_box(points, 130, 90, 190, 130)
    after[body] += (10.0, 0.0)
    after[leg] += np.array([10.0, 0.0]) + by
    assert len(groups(points, after)) == (1 if one else 2)


def test_a_tracker_errs_by_a_pixel_and_nobody_goes() -> None:
    points = grid(8, 5)
    noise = np.random.default_rng(5).uniform(-1, 1, points.shape)
    assert groups(points, points + noise) == []
    late = grid(8, 5)
    late[7] += (2.5, 0.0)
    assert groups(points, late) == [{8}]


def test_what_is_nearer_to_a_camera_that_moves_is_shifted_more_and_stays_ground() -> None:
    points = grid(8, 5)
    near = 1 + 0.2 * (points[:, 1:] > 150)
    assert groups(points, points + near * (18.0, 0.0)) == []
    assert groups(points, points + near * (0.0, 0.0) + (near > 1) * (3.6, 0.0)) == [
        numbers(points[:, 1] > 150)
    ]


def test_where_most_go_ways_of_their_own_there_is_no_ground() -> None:
    points = grid(6, 4)
    ways = np.random.default_rng(3).normal(0, 12, points.shape)
    ways[:11] = (7.0, 0.0)
    assert groups(points, points + ways) == []
    ways[:14] = (7.0, 0.0)
    assert sum(map(len, groups(points, points + ways))) == 10


def test_the_work_grows_with_the_tracks_and_not_with_their_pairs() -> None:
    """With every pair of these the errors alone would be 90 GB."""
    points = grid(70, 40)
    after = PAN(points)
    after[in_box(points, 100, 50, 150, 120)] += (9.0, 0.0)
    off = motion_groups._off_most(points @ (1, 1j), after @ (1, 1j), 1.6)
    assert numbers(off) == numbers(in_box(points, 100, 50, 150, 120))


def test_the_track_in_the_middle_leads() -> None:
    points, after = grid(9, 5, WIDTH, HEIGHT), grid(9, 5, WIDTH, HEIGHT)
    walker = in_box(points, 30, 10, 70, 50)
    after[walker] += (5.0, 0.0)
    rows = rows_of(points, after)
    (group,) = own_ways(rows, rows.hands.tolist(), WIDTH)
    middle = points[walker].mean(0)
    assert (
        np.linalg.norm(points[group[0] - 1] - middle) == np.linalg.norm(points[walker] - middle, axis=1).min()
    )


class Sees:
    """Sees a disc at 48, 30 or nothing, and remembers what it was asked."""

    def __init__(self, radius: float) -> None:
        self.radius = radius
        self.asked: list[tuple[int, Box | None]] = []

    def segment(
        self, picture: Tensor, add: Tensor, remove: Tensor, region: Tensor | None, within: Box | None = None
    ) -> Tensor:
        self.asked.append((len(add), within))
        if not self.radius:
            return picture.new_zeros(1, HEIGHT, WIDTH)
        across = np.arange(WIDTH)[None] + 0.5 - 48
        down = np.arange(HEIGHT)[:, None] + 0.5 - 30
        return picture.new_tensor((np.hypot(across, down) < self.radius)[None], dtype=picture.dtype)


def walking(by: float = 5.0) -> tuple[TrackRows, set[int]]:
    """Tracks all over a picture of stacks.py, of which some in its middle go to the right."""
    points, after = grid(12, 8, WIDTH, HEIGHT), grid(12, 8, WIDTH, HEIGHT)
    walker = in_box(points, 38, 20, 58, 40)
    after[walker] += (by, 0.0)
    return rows_of(points, after), numbers(walker)


def holding(before: LayerStack, rows: TrackRows) -> LayerStack:
    return replace(before, empty=frozenset(rows.hands.tolist()))


def test_who_goes_is_taken_and_held_by_all_of_its_tracks() -> None:
    rows, walker = walking()
    sees = Sees(10)
    after = with_movers(Acquirer(sees, None), holding(stack(), rows), rows, rows.hands.tolist())
    (layer,) = after.layers
    assert layer.hands == walker and after.empty == set(rows.hands.tolist()) - walker and not after.unfound
    ((asked, within),) = sees.asked
    assert asked == len(walker) and within is not None
    left, top, right, bottom = within  # as far as the next tracks, which stay, and no further
    near = [track for track in rows.hands if track not in walker]
    outside = [rows.xy[track - 1, 0] for track in near]
    assert all(not (left < x < right and top < y < bottom) for x, y in outside)
    assert 0 <= left < 42 and 54 < right <= WIDTH and 0 <= top and bottom <= HEIGHT


def test_how_near_a_thing_is_looked_for() -> None:
    """Where tracks are dense it is looked for beyond the next ones, and where they are few not all over the picture."""
    for by_grid, extent in (((45, 27), 2 * 0.06 * WIDTH), ((3, 3), 2 * 0.15 * WIDTH)):
        points, after = grid(*by_grid, WIDTH, HEIGHT), grid(*by_grid, WIDTH, HEIGHT)
        after[len(points) // 2] += (6.0, 0.0)
        rows, sees = rows_of(points, after), Sees(10)
        with_movers(Acquirer(sees, None), holding(stack(), rows), rows, rows.hands.tolist())
        ((_, within),) = sees.asked
        assert within is not None and within[2] - within[0] == pytest.approx(extent, abs=0.01)


def test_where_no_thing_is_found_it_is_looked_for_once() -> None:
    rows, walker = walking()
    sees = Sees(0)
    acquirer, before = Acquirer(sees, None), holding(stack(), rows)
    after = with_movers(acquirer, before, rows, before.empty)
    assert after.layers == () and after.unfound == walker and after.empty == before.empty
    again = with_movers(acquirer, after, rows, after.empty - after.unfound)
    assert again == after and len(sees.asked) == 1
    assert not after.without_hands(frozenset(walker)).unfound


def test_who_is_a_layer_already_is_not_looked_for() -> None:
    rows, walker = walking()
    sees = Sees(10)
    before = holding(stack(disc(RED, 48, 30, radius=9)), rows)
    after = with_movers(Acquirer(sees, None), before, rows, before.empty)
    assert len(after.layers) == 1 and after.layers[0].hands == walker and not sees.asked


def turned(count: int, wrong: Sequence[int] = ()) -> tuple[Similarity, Similarity]:
    """What becomes of a disc that `count` tracks on a circle turn and shift, some of them `wrong`; and what was meant."""
    angles = np.arange(count) / count * 2 * np.pi
    points = 40 + 12 * np.stack([np.cos(angles), np.sin(angles)], 1)
    turn = Similarity(angle=0.3)
    shift = np.array([44.0, 40.0]) - turn(np.array([40.0, 40.0]))
    meant = replace(turn, x=float(shift[0]), y=float(shift[1]))
    after = meant(points)
    after[list(wrong)] += (0.0, 15.0)
    rows = rows_of(points, after)
    hands = frozenset(rows.hands.tolist())
    rows = steadied(rows, stack(disc(RED, 40, 40, radius=12, hands=hands)))
    return hand_steps(rows, hands)[-1], meant


def test_a_thing_turns_where_enough_of_its_tracks_say_so() -> None:
    for count, wrong in ((4, ()), (8, ()), (8, (2,)), (8, (2, 5))):
        done, meant = turned(count, wrong)
        assert (done.angle, done.x, done.y) == pytest.approx((meant.angle, meant.x, meant.y), abs=0.01)


@pytest.mark.parametrize(("count", "wrong"), [(2, ()), (3, ()), (5, (1, 3))])
def test_too_few_tracks_only_shift_a_thing(count: int, wrong: Sequence[int]) -> None:
    done, _ = turned(count, wrong)
    assert done.angle == 0 and done.scale == pytest.approx(1) and abs(done.x) < 9


def test_one_track_on_a_thing_goes_as_it_goes() -> None:
    rows, _ = walking()
    one = steadied(rows, stack(disc(RED, 48, 30, hands=frozenset({1}))))
    assert (one.xy == rows.xy).all() and (one.visible == rows.visible).all()
