"""Tracks and the past as tensors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec
from models.track_encoder import PACKED
from pipelines.cutting import warp
from pipelines.holds import EMPTY, Grip
from pipelines.motion import SPEED, TrackWindow, motion_field, motion_input, past_latents

ROWS, COLUMNS, STRIDE = 8, 10, 8


def window(*tracks: tuple[tuple[float, float], tuple[float, float]], visible: bool = True) -> TrackWindow:
    """Straight tracks from a place (pixels) in the last frame of the past to one in the last frame."""
    share = torch.linspace(0, 1, 1 + PACKED)[:, None]
    xy = [torch.tensor(a) + share * (torch.tensor(b) - torch.tensor(a)) for a, b in tracks]
    shown = torch.full((1, len(tracks), 1 + PACKED), visible)
    return TrackWindow(torch.arange(len(tracks))[None], torch.stack(xy)[None], shown)


def nothing() -> TrackWindow:
    shape = (1, 0, 1 + PACKED)
    return TrackWindow(
        torch.zeros(1, 0, dtype=torch.long), torch.zeros(*shape, 2), torch.zeros(shape, dtype=torch.bool)
    )


def field(tracks: TrackWindow) -> tuple[Tensor, Tensor]:
    moved, near = motion_field(tracks, ROWS, COLUMNS, STRIDE)
    assert moved.shape == (1, PACKED, 2, ROWS, COLUMNS) and near.shape == (1, PACKED, ROWS, COLUMNS)
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


def test_a_frame_is_carried_along() -> None:
    frame = torch.zeros(1, 3, ROWS * STRIDE, COLUMNS * STRIDE)
    frame[..., 24:32, 24:32] = 1
    moved = torch.zeros(1, 1, 2, ROWS, COLUMNS)
    moved[:, :, 0] = 16
    carried = warp(frame, moved)[:, :, 0]
    assert torch.allclose(carried[..., 24:32, 40:48], torch.ones(1, 3, 8, 8), atol=1e-4)
    assert not carried[..., 24:32, 24:32].any()


def codec() -> PocketCodec:
    torch.manual_seed(1)
    made = PocketCodec(PocketCodecSpec(channels=12, stride=STRIDE, width=8, blocks=1))
    made.basis.copy_(torch.linalg.qr(torch.randn(made.basis.shape))[0])
    return made.eval().requires_grad_(False)


def test_at_the_start_there_is_no_past() -> None:
    built = motion_input(codec(), window(((24.0, 32.0), (40.0, 32.0))), None, 4, ROWS, COLUMNS)
    assert not built.plain.any() and not built.moved.any()
    assert not built.guide[:, 6].any(), "channel 6 says whether there is a past"
    assert built.guide[:, 7].all(), "channel 7 says whether anything is held"
    assert float(built.guide[0, 4, 0, 4, 4]) == pytest.approx(16 / SPEED, abs=0.1)


def test_without_motion_the_moved_past_is_the_plain_one() -> None:
    last = torch.randn(1, 12, ROWS, COLUMNS)
    built = motion_input(codec(), nothing(), last, 4, ROWS, COLUMNS)
    assert built.plain.any() and torch.equal(built.plain, built.moved)
    assert built.guide[:, 6].all() and not built.guide[:, 7].any()


def test_streams_in_a_batch_are_what_they_are_alone() -> None:
    tracks = [window(((24.0, 32.0), (40.0, 32.0))), window(((60.0, 10.0), (60.0, 40.0)))]
    last = torch.randn(2, 12, ROWS, COLUMNS)
    both = TrackWindow(*(torch.cat([getattr(t, name) for t in tracks]) for name in ("ids", "xy", "visible")))
    together = motion_input(codec(), both, last, 4, ROWS, COLUMNS)
    for row, alone in enumerate(tracks):
        one = motion_input(codec(), alone, last[row : row + 1], 4, ROWS, COLUMNS)
        for name in ("code", "guide", "plain", "moved"):
            assert torch.allclose(getattr(one, name)[0], getattr(together, name)[row], atol=1e-4), name


def test_padding_with_invisible_tracks_changes_nothing() -> None:
    alone = window(((24.0, 32.0), (40.0, 32.0)))
    padded = TrackWindow(
        torch.cat([alone.ids, torch.zeros(1, 3, dtype=torch.long)], 1),
        torch.cat([alone.xy, torch.zeros(1, 3, 1 + PACKED, 2)], 1),
        torch.cat([alone.visible, torch.zeros(1, 3, 1 + PACKED, dtype=torch.bool)], 1),
    )
    last = torch.randn(1, 12, ROWS, COLUMNS)
    one, other = (motion_input(codec(), w, last, 4, ROWS, COLUMNS) for w in (alone, padded))
    for name in ("code", "guide", "plain", "moved"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-5), name


def test_a_hand_on_bare_ground_carries_nothing() -> None:
    last, tracks = torch.randn(1, 12, ROWS, COLUMNS), window(((24.0, 32.0), (48.0, 32.0)))
    plain, carried = past_latents(codec(), last, tracks, [EMPTY])
    assert not torch.equal(plain, carried)  # a hand that could take nothing more is no such hand
    plain, left = past_latents(codec(), last, tracks, [Grip(idle=frozenset({0}))])
    assert torch.equal(plain, left)
