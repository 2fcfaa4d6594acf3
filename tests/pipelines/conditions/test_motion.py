"""Tracks as tensors, and the motion between them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from flowbrush.controls import Point, TrackBegin
from flowbrush.models.motion_channels import FRAMES
from flowbrush.pipelines.conditions.controls import ChunkPlan, fold, initial_state
from flowbrush.pipelines.conditions.motion import TrackWindow, motion_field, track_window

ROWS, COLUMNS, STRIDE, REACH = 8, 10, 8, 24.0


def window(*tracks: tuple[tuple[float, float], tuple[float, float]], visible: bool = True) -> TrackWindow:
    """Straight tracks from a place (pixels) in the last frame of the past to one in the last frame."""
    share = torch.linspace(0, 1, 1 + FRAMES)[:, None]
    xy = [torch.tensor(a) + share * (torch.tensor(b) - torch.tensor(a)) for a, b in tracks]
    shown = torch.full((1, len(tracks), 1 + FRAMES), visible)
    return TrackWindow(torch.stack(xy)[None], shown)


def nothing() -> TrackWindow:
    shape = (1, 0, 1 + FRAMES)
    return TrackWindow(torch.zeros(*shape, 2), torch.zeros(shape, dtype=torch.bool))


def field(tracks: TrackWindow) -> tuple[Tensor, Tensor]:
    moved, near = motion_field(tracks, ROWS, COLUMNS, STRIDE, REACH)
    assert moved.shape == (1, FRAMES, 2, ROWS, COLUMNS) and near.shape == (1, FRAMES, ROWS, COLUMNS)
    return moved[0], near[0]


@pytest.mark.parametrize("tracks", [nothing(), window(((20.0, 20.0), (40.0, 20.0)), visible=False)])
def test_without_visible_tracks_nothing_moves_and_nothing_is_near(tracks: TrackWindow) -> None:
    moved, near = field(tracks)
    assert not moved.any() and not near.any()


def test_at_a_track_the_motion_is_its_own() -> None:
    moved, near = field(window(((24.0, 32.0), (40.0, 28.0)), ((72.0, 56.0), (72.0, 56.0))))
    assert moved[-1, :, 3, 5].tolist() == pytest.approx([16, -4], abs=1.5)
    assert moved[-1, :, 6, 9].tolist() == pytest.approx([0, 0], abs=0.5)
    assert float(near[-1, 3, 5]) > 0.9 > float(near[-1, 0, 9])


def test_motion_grows_over_the_frames_of_a_latent_frame() -> None:
    moved, _ = field(window(((24.0, 32.0), (40.0, 32.0))))
    at_track = moved[:, 0, 4, 4].tolist()
    assert at_track == sorted(at_track) and at_track[-1] == pytest.approx(16, abs=1)


def test_streams_in_a_batch_are_what_they_are_alone() -> None:
    tracks = [window(((24.0, 32.0), (40.0, 32.0))), window(((60.0, 10.0), (60.0, 40.0)))]
    both = TrackWindow(*(torch.cat([getattr(t, name) for t in tracks]) for name in ("xy", "visible")))
    moved, near = motion_field(both, ROWS, COLUMNS, STRIDE, REACH)
    for row, alone in enumerate(tracks):
        assert torch.allclose(field(alone)[0], moved[row], atol=1e-4)
        assert torch.allclose(field(alone)[1], near[row], atol=1e-4)


def test_padding_with_invisible_tracks_changes_nothing() -> None:
    alone = window(((24.0, 32.0), (40.0, 32.0)))
    padded = TrackWindow(
        torch.cat([alone.xy, torch.zeros(1, 3, 1 + FRAMES, 2)], 1),
        torch.cat([alone.visible, torch.zeros(1, 3, 1 + FRAMES, dtype=torch.bool)], 1),
    )
    for one, other in zip(field(alone), field(padded), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_plans_become_pixels_padded_to_equally_many() -> None:
    def plan(*points: tuple[float, float]) -> ChunkPlan:
        begun = [
            TrackBegin(track=n, kind="pin", points=(Point(t=0, x=x, y=y),)) for n, (x, y) in enumerate(points)
        ]
        return fold(initial_state([("a", 1.0)], begun), (), 0, FRAMES, 16.0, 0.8)[1]

    rows = track_window([plan(), plan((0.5, 0.25), (0.75, 0.5))], FRAMES, (80, 64), torch.device("cpu"))
    assert rows.xy.shape == (2, 2, 1 + FRAMES, 2)
    assert rows.visible.tolist() == [[[False] * 5] * 2, [[True] * 5] * 2]
    assert rows.xy[1, :, -1].tolist() == [[40.0, 16.0], [60.0, 32.0]]


def test_points_that_nearly_touch_move_together_and_a_cell_apart_each_for_itself() -> None:
    """Points of one hold shake against each other, and would tear what is between them."""
    going = ((8.0, 24.0), (24.0, 24.0))
    near, apart = (
        float(field(window(going, ((x, 24.0), (x, 24.0))))[0][-1, 0, 2:4, 2:4].max()) for x in (28.0, 32.0)
    )
    assert near < 12.5 and apart > 13.5
