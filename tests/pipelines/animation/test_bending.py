"""What a student says of motion is shown in one piece: no step where a latent frame begins, and none where a pose catches up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stacks import RED, disc, stack

from flowbrush.pipelines.animation.bending import Bases, Bends, continued, going, gone_on, shares
from flowbrush.pipelines.animation.drive import gains
from flowbrush.pipelines.reference.drawing import paint, paint_bent, sample
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.pose import STILL, turned_about

EVERYWHERE = torch.ones(1, 1)


def test_a_step_is_spread_over_the_latent_frame_whose_end_stays() -> None:
    before, parts = torch.zeros(1, 1), torch.full((1, 4), 4.0)
    assert continued(parts, before, EVERYWHERE).tolist() == [[1.0, 2.0, 3.0, 4.0]]
    assert torch.equal(continued(parts, before, 0 * EVERYWHERE), parts)


def test_motion_that_goes_on_evenly_is_left_alone() -> None:
    parts = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert torch.equal(continued(parts, torch.zeros(1, 1), EVERYWHERE), parts)


def test_what_goes_evenly_is_at_the_end_where_its_pose_will_be() -> None:
    bases = Bases(np.array([[48.0, 32.0]]), np.array([40.0]), np.array([[8.0, -4.0, 0.3]]))
    whose = shares(bases, (8, 12))
    flows = going(bases, bases.said, whose)
    at = np.array([52.0, 28.0])  # the middle of a cell near to where the middle is by then
    cell = flows[:, :, 3, 6].numpy()
    there = turned_about((48.0, 32.0), 0.3, (8.0, -4.0)).inverse(at) - at
    assert cell[-1] == pytest.approx(there, rel=0.05)
    assert np.linalg.norm(np.diff(cell, axis=0), axis=1) == pytest.approx(np.linalg.norm(there) / 4, rel=0.2)
    assert not going(bases, 0 * bases.said, whose).any()


def test_a_flow_is_a_things_own_to_its_rim_and_passes_into_none_beyond_it() -> None:
    """As in the world that students learn from: a sharp end would tear what reaches out, a late one takes the neighbours along."""
    bases = Bases(np.array([[4.0, 4.0]]), np.array([64.0]), np.zeros((1, 3)))
    row = shares(bases, (1, 12))[0, 0].tolist()  # a cell each quarter of half its size
    assert row[4] > 0.95 and row[10] < 0.1, "at its rim, and one and a half times as far again"
    assert 0.85 < row[6] < 0.97


def test_where_two_are_at_one_place_the_one_in_front_goes_its_way_and_is_slowed_by_the_other() -> None:
    places, sizes = np.array([[4.0, 4.0]] * 2), np.array([64.0] * 2)
    behind, before = shares(Bases(places, sizes, np.zeros((2, 3))), (1, 1)).flatten().tolist()
    assert behind + before == pytest.approx(1.0, abs=0.01) and 0.65 < before < 0.8


def test_layers_that_a_hand_moves_take_their_bends_along() -> None:
    def bends(at: int, frames: int) -> Bends:
        flow = torch.zeros(1, frames, 2, 8, 12)
        flow[..., at] = 3.0
        return Bends(flow, torch.zeros_like(flow), torch.zeros(1, frames, 3, 64, 96))

    velocity = torch.zeros(1, 4, 2, 8, 12)
    velocity[:, :, 0] = 16.0  # two cells to the right
    known = torch.ones(1, dtype=torch.bool)
    assert torch.allclose(gone_on(bends(5, 4), bends(3, 1), known, velocity).things, bends(5, 4).things)
    assert not torch.allclose(
        gone_on(bends(5, 4), bends(3, 1), known, 0 * velocity).things, bends(5, 4).things
    )
    assert torch.equal(gone_on(bends(5, 4), bends(3, 1), ~known, 0 * velocity).things, bends(5, 4).things)


def test_who_came_round_the_picture_did_not_fly_across_it() -> None:
    def standing(x: float) -> LayerStack:
        return stack(disc(RED, x, 30))

    said = np.array([[6.0, 0.0, 0.0]])
    assert gains(standing(90), standing(2), said).tolist() == said.tolist()
    assert gains(standing(40), standing(45), said).tolist() == [[5.0, 0.0, 0.0]]


def test_a_layer_is_bent_as_sharply_as_it_is_drawn() -> None:
    layer, ways = disc(RED, 40.5, 30.5), [STILL] * 4
    flow = torch.full((4, 2, 8, 12), 0.5)
    once = torch.zeros(4, 3, 64, 96)
    paint_bent(once, [(layer, ways)], flow)
    drawn = torch.zeros(4, 4, 64, 96)
    paint(drawn, disc(RED, 40, 30), ways)
    assert torch.allclose(once, drawn[:, :3], atol=1e-5), "half a pixel back is where no pixel is mixed"
    assert sample(layer.rgba, [layer.pose], (0, 0, 96, 64))[0, 0].max() <= 1


def test_a_layer_is_seen_whole_where_its_flow_takes_it() -> None:
    layer, flow = disc(RED, 40, 30), torch.zeros(4, 2, 8, 12)
    flow[:, 0] = -30.0
    frames = torch.zeros(4, 3, 64, 96)
    paint_bent(frames, [(layer, [STILL] * 4)], flow)
    seen = torch.zeros(4, 4, 64, 96)
    paint(seen, disc(RED, 70, 30), [STILL] * 4)
    assert torch.allclose(frames, seen[:, :3], atol=1e-4)
