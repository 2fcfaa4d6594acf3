"""Dragging without training: what the hand holds is carried along, the rest is free."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.motion_channels import FRAMES
from flowbrush.pipelines.conditions.drag import drag_guide, match_statistics, warp_latents
from flowbrush.pipelines.conditions.motion import TrackWindow
from flowbrush.pipelines.generator import Generator

ROWS, COLUMNS, STRIDE = 12, 16, 8


def dragged(start: tuple[float, float], end: tuple[float, float], latent_frames: int = 1) -> TrackWindow:
    """One visible track in pixels, straight from the last frame of the past to the chunk's last frame."""
    share = torch.linspace(0, 1, 1 + FRAMES * latent_frames)[:, None]
    xy = torch.tensor(start) + share * (torch.tensor(end) - torch.tensor(start))
    return TrackWindow(xy[None, None], torch.ones(1, 1, len(xy), dtype=torch.bool))


def blob(row: int, column: int) -> torch.Tensor:
    """A latent frame [1, 2, h, w] with one bright cell."""
    last = torch.zeros(1, 2, ROWS, COLUMNS)
    last[:, :, row, column] = 1
    return last


def test_whole_cells_are_carried_exactly() -> None:
    moved = torch.zeros(1, 1, 2, ROWS, COLUMNS)
    moved[:, :, 0], moved[:, :, 1] = 3, -2
    carried = warp_latents(blob(6, 5), moved)
    assert carried.shape == (1, 2, 1, ROWS, COLUMNS)
    assert torch.allclose(carried[:, :, 0], blob(4, 8), atol=1e-5)


def test_the_guide_holds_what_is_near_the_hand_and_no_more() -> None:
    guide = drag_guide(blob(6, 4), dragged((36.0, 52.0), (68.0, 52.0)), STRIDE, 2)
    assert guide.reference.shape == (1, 2, 1, ROWS, COLUMNS) and guide.mask.shape == (1, 1, 1, ROWS, COLUMNS)
    assert guide.steps == 2
    assert float(guide.mask.min()) >= 0 and float(guide.mask.max()) <= 1
    assert float(guide.mask[0, 0, 0, 6, 6]) > 0.5 > 0.05 > float(guide.mask[0, 0, 0, 0, 15])


def test_the_held_thing_arrives_where_the_hand_is() -> None:
    """Two latent frames: the blob is half-way in the first and nearly there in the second."""
    guide = drag_guide(blob(6, 3), dragged((28.0, 52.0), (92.0, 52.0), 2), STRIDE, 2)
    brightest = [int(guide.reference[0, 0, frame, 6].argmax()) for frame in range(2)]
    assert 4 <= brightest[0] <= 7 and 8 <= brightest[1] <= 10


def test_without_tracks_nothing_is_held() -> None:
    free = TrackWindow(torch.zeros(1, 0, 5, 2), torch.zeros(1, 0, 5, dtype=torch.bool))
    guide = drag_guide(blob(6, 5), free, STRIDE, 2)
    assert not guide.mask.any()
    assert torch.allclose(guide.reference[:, :, 0], blob(6, 5), atol=1e-4)


def test_warping_again_and_again_does_not_fade() -> None:
    last = torch.randn(1, 3, ROWS, COLUMNS, generator=torch.Generator().manual_seed(0)) * 2 + 1
    for _ in range(20):
        moved = torch.full((1, 1, 2, ROWS, COLUMNS), 0.5)
        last = match_statistics(warp_latents(last, moved), last)[:, :, 0]
    assert float(last.std()) == pytest.approx(2.0, rel=0.2)
    assert float(last.mean()) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize(
    ("away", "least", "most"), [(0.125, 1.0, 1.0), (0.165, 0.05, 0.95), (0.21, 0.0, 0.0)]
)
def test_a_thing_is_held_wholly_and_what_stands_next_to_it_is_free(
    away: float, least: float, most: float
) -> None:
    """A thing is a quarter of the picture wide: its rim goes with it, its neighbour does not, and no seam is between them."""
    guide = drag_guide(torch.zeros(1, 1, 24, 40), dragged((164.0, 92.0), (164.0, 92.0)), STRIDE, 2)
    column = round(20 + away * 40)
    assert least <= float(guide.mask[0, 0, 0, 11, column]) <= most


def test_pocket_whose_latents_are_no_pictures_says_what_it_does_all_the_same() -> None:
    """It had said "warped latents, no training", and done what it always does."""
    light, usual = (
        Generator.load("pocket-random", device="cpu", seats=1, drag=way) for way in ("warp", "auto")
    )
    assert light.card == usual.card
