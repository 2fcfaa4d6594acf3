"""The scene under a moving camera: the fitted move, and pictures carried along it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pipelines.scene import carry, of_the_scene, scene_moves

POINTS = torch.tensor([[20.0, 20.0], [80.0, 24.0], [24.0, 60.0], [90.0, 66.0], [50.0, 40.0]])


def moved(a: float, b: float, x: float, y: float) -> Tensor:
    """POINTS before and after, [1, 5, 2, 2]."""
    after = torch.stack([a * POINTS[:, 0] - b * POINTS[:, 1] + x, b * POINTS[:, 0] + a * POINTS[:, 1] + y], 1)
    return torch.stack([POINTS, after], 1)[None]


SEEN = torch.ones(1, 5, 2, dtype=torch.bool)
SCENE = torch.full((1, 5), -1)


@pytest.mark.parametrize(
    "move", [(1.0, 0.0, 6.0, -3.0), (1.1, 0.0, -4.0, -2.0), (math.cos(0.1), math.sin(0.1), 3.0, 1.0)]
)
def test_pan_zoom_and_roll_are_found(move: tuple[float, float, float, float]) -> None:
    moves, moving = scene_moves(SCENE, moved(*move), SEEN)
    assert moving.tolist() == [True]
    assert moves[0, 0].tolist() == pytest.approx(list(move), abs=0.05)


def test_points_that_stand_still_or_are_hands_move_nothing() -> None:
    assert not scene_moves(SCENE, moved(1, 0, 0, 0), SEEN)[1].any()
    assert not scene_moves(SCENE + 2, moved(1, 0, 5, 0), SEEN)[1].any()
    assert not scene_moves(SCENE[:, :0], moved(1, 0, 5, 0)[:, :0], SEEN[:, :0])[1].any()


def test_points_that_go_their_own_ways_are_no_scene() -> None:
    xy = moved(1, 0, 5, 0)
    xy[0, 2, 1] -= 30
    assert not scene_moves(SCENE, xy, SEEN)[1].any()


def test_points_out_of_sight_do_not_count() -> None:
    xy, seen = moved(1, 0, 5, 0), SEEN.clone()
    xy[0, 2, 1], seen[0, 2, 1] = 500.0, False
    moves, moving = scene_moves(SCENE, xy, seen)
    assert moving.all() and moves[0, 0, 2:].tolist() == pytest.approx([5, 0], abs=0.05)


def test_the_picture_goes_where_its_points_go() -> None:
    frame = torch.zeros(1, 3, 96, 128)
    frame[:, :, 36:44, 46:54] = 1  # about the point (50, 40)
    carried = carry(frame, torch.tensor([[[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 16.0, -8.0]]]))
    assert torch.allclose(carried[:, :, 0], frame, atol=1e-4)
    assert torch.allclose(carried[:, :, 1], frame.roll((-8, 16), (2, 3)), atol=1e-4)


def test_many_empty_hands_move_the_scene_and_few_do_not() -> None:
    groups, seen = torch.tensor([0, 1, 2, 3, 4]), torch.ones(5, 2, dtype=torch.bool)
    assert of_the_scene(groups, seen, held={4}).tolist() == [-1, -1, -1, -1, 4]
    assert of_the_scene(groups[:3], seen[:3], held=()).tolist() == [0, 1, 2]
