"""Layers moved rigidly: what a hand holds goes where the hand goes, the rest with the camera, and nothing wears out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from stacks import BLUE, RED, background, disc, middle, rows, stack

from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.reference.pose import STILL, Similarity
from flowbrush.pipelines.reference.render import move


def test_a_held_layer_follows_its_hand_in_every_frame() -> None:
    moved = move(stack(disc(RED, 30, 30, hands=frozenset({7}))), rows((7, (32, 31), (52, 39))))
    frames = moved.reference.frames[0]
    for index in range(4):
        x, y = middle(frames[index], RED)
        assert x == pytest.approx(30 + 5 * (index + 1), abs=0.6)
        assert y == pytest.approx(30 + 2 * (index + 1), abs=0.6)
    assert moved.stack.layers[0].pose == Similarity(x=50.0, y=38.0)
    cell = (38 // 8, 50 // 8)
    assert moved.reference.held[0, 0][cell] == 1 and moved.reference.held[0, 0, 0, 0] == 0
    assert moved.reference.velocity[0, -1, :, *cell].tolist() == pytest.approx([20.0, 8.0], abs=1e-4)
    assert moved.reference.velocity[0, -1, :, 0, 0].abs().sum() == 0


def test_a_thousand_drags_do_not_wear_the_picture() -> None:
    there, back = rows((1, (30, 30), (37.3, 33.9))), rows((1, (37.3, 33.9), (30, 30)))
    now = stack(disc(RED, 30, 30, hands=frozenset({1})))
    first = move(now, rows((1, (30, 30), (30, 30)))).reference.frames
    for _ in range(500):
        now = move(move(now, there).stack, back).stack
    last = move(now, rows((1, (30, 30), (30, 30)))).reference.frames
    assert (last - first).abs().max() < 1e-3


def test_two_hands_turn_and_scale() -> None:
    held = disc(RED, 40, 30, hands=frozenset({1, 2}))
    moved = move(stack(held), rows((1, (30, 30), (40, 10)), (2, (50, 30), (40, 50))))
    pose = moved.stack.layers[0].pose
    assert pose.scale == pytest.approx(2.0) and abs(pose.angle) == pytest.approx(np.pi / 2, abs=1e-6)
    assert (pose.x, pose.y) == pytest.approx((40.0, 30.0))


def test_a_hidden_hand_leaves_the_thing_where_it_had_it() -> None:
    hidden = rows((1, (30, 30), (50, 30)))
    hidden.visible[:, 3:] = False
    moved = move(stack(disc(RED, 30, 30, hands=frozenset({1}))), hidden)
    assert moved.stack.layers[0].pose.x == pytest.approx(40.0)


def test_the_front_layer_owns_the_cell() -> None:
    moved = move(
        stack(disc(RED, 40, 32, 16), disc(BLUE, 48, 32, 16, hands=frozenset({3}))),
        rows((3, (48, 32), (48, 32))),
    )
    cell = (4, 6)
    assert moved.own[1][cell] == 1 and moved.own[0][cell] == 0
    assert middle(moved.reference.frames[0, -1], BLUE) == pytest.approx((48, 32), abs=0.6)


def test_the_camera_carries_everything_but_what_a_hand_holds() -> None:
    near = replace(disc(RED, 30, 30), depth=1.0)
    held = disc(BLUE, 70, 30, hands=frozenset({5}))
    scene = [(-1, (x, y), (x - 8, y)) for x in (20, 80) for y in (10, 50)]
    moved = move(stack(near, held), rows(*scene, (5, (70, 30), (70, 30))))
    assert moved.stack.camera.x == pytest.approx(-8.0)
    assert moved.stack.layers[0].pose.x == pytest.approx(30 - 8 * 1.25)  # nearer things go further
    assert moved.stack.layers[1].pose.x == pytest.approx(70.0)
    shown, was = moved.reference.ground[0, -1], background()
    assert (shown[:, :, :-8] - was[:, :, 8:]).abs().max() < 1e-4


def test_a_camera_that_returns_shows_the_same_picture() -> None:
    points = [(x, y) for x in (20.0, 80.0) for y in (10.0, 50.0)]
    away = rows(*((-1, p, (p[0] * 1.3 - 9, p[1] * 1.3 + 4)) for p in points))
    back = rows(*((-1, (p[0] * 1.3 - 9, p[1] * 1.3 + 4), p) for p in points))
    now = stack(disc(RED, 30, 30))
    for _ in range(20):
        now = move(move(now, away).stack, back).stack
    assert now.camera.scale == pytest.approx(1.0) and abs(now.camera.x) + abs(now.camera.y) < 1e-6
    assert now.layers[0].pose.x == pytest.approx(30.0)


def test_a_large_cut_out_drawn_small_is_not_aliased() -> None:
    lines = torch.zeros(4, 64, 64)
    lines[:, :, ::2] = 1.0
    layer = replace(disc(RED, 48, 32), rgba=lines, pose=Similarity(0.25, 0.0, 48.0, 32.0))
    things = move(stack(layer), rows()).reference.things[0, 0]
    inside = things[3, 28:36, 44:52]
    assert inside.min() > 0.4 and inside.max() < 0.6


def test_nothing_moves_without_tracks() -> None:
    moved = move(stack(disc(RED, 30, 30)), rows())
    assert moved.stack.camera == STILL
    frames = moved.reference.frames[0]
    assert (frames - frames[:1]).abs().max() == 0


@pytest.mark.parametrize(("x", "told"), [(43.0, True), (41.0, False)])
def test_a_cell_goes_with_what_covers_a_quarter_of_it(x: float, told: bool) -> None:
    """Legs are thinner than a cell; a cell of which a thing covers one pixel in eight is the ground's."""
    square = Layer(torch.ones(4, 16, 16), "box", Similarity(x=x, y=32.0), frozenset({1}))
    moved = move(stack(square), rows((1, (x, 32), (x, 32))))
    assert bool(moved.reference.held[0, 0, 4, 48 // 8]) == told
    assert moved.reference.held[0, 0, 4, 40 // 8] == 1


@pytest.mark.parametrize(("opacity", "theirs"), [(0.2, False), (0.3, True)])
def test_a_cell_of_which_a_layer_covers_a_quarter_is_the_layers(opacity: float, theirs: bool) -> None:
    """Legs are thinner than a cell; a cell that is only brushed goes with the ground."""
    rgba = torch.full((4, 32, 32), opacity)
    held = Layer(rgba, "leg", Similarity(x=40.0, y=32.0), hands=frozenset({1}))
    moved = move(stack(held), rows((1, (40, 32), (44, 32)))).reference
    cell = (32 // 8, 40 // 8)
    assert bool(moved.held[0, 0][cell]) is theirs
    assert bool(moved.velocity[0, -1, 0][cell] > 3) is theirs
