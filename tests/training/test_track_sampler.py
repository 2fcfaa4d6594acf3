"""Tracks as conditions of training: points on objects, cut into latent frames as the pipeline cuts them."""

from __future__ import annotations

import numpy as np
import pytest

from models.track_encoder import ID_PERIOD, PACKED
from training.tracks import MAX_TRACKS, TrackSampler, windows
from training.world.clip import WorldObject

WIDTH, HEIGHT, FRAMES = 320, 192, 24
SPOTS = {"cat": np.array([[0.0, 0.0], [0.2, -0.1]])}


def dragged(held: bool = True) -> WorldObject:
    x = np.linspace(80, 200, FRAMES)
    centre = np.stack([x, np.full(FRAMES, 90.0)], 1)
    return WorldObject("cat", centre, np.full(FRAMES, 40.0), np.zeros(FRAMES), np.full(FRAMES, held))


def still_camera() -> np.ndarray:
    return np.tile(np.eye(2, 3), (FRAMES, 1, 1))


def panning_camera() -> np.ndarray:
    transforms = still_camera()
    transforms[:, 0, 2] = -2.0 * np.arange(FRAMES)
    return transforms


def test_windows_overlap_by_the_last_frame_of_the_past() -> None:
    xy = np.random.default_rng(0).uniform(0, 100, (3, 8, 2))
    before = np.stack([xy[:, 0], xy[:, 3]], 1)
    visible = np.ones((3, 8), bool)
    visible[1, 5] = False
    out = windows(xy, before, visible, [4, 5, 6], [0, 0, -1])
    assert out.xy.shape == (2, MAX_TRACKS, 1 + PACKED, 2)
    assert out.xy[1, :3, 0].numpy() == pytest.approx(xy[:, 3], abs=1e-4)
    assert out.xy[1, :3, 1:].numpy() == pytest.approx(xy[:, 4:], abs=1e-4)
    assert out.visible[1, 1].tolist() == [True, True, False, True, True]
    assert not out.visible[:, 3:].any(), "rows that are no tracks are not visible"
    assert out.ids[0, :3].tolist() == [4, 5, 6]


def test_tracks_sit_on_their_object() -> None:
    sampler, thing = TrackSampler(SPOTS, WIDTH, HEIGHT), dragged()
    seen = 0
    for seed in range(30):
        rows = sampler.sample([thing], still_camera(), np.random.default_rng(seed))
        for chunk in range(FRAMES // PACKED):
            now = thing.centre[chunk * PACKED : (chunk + 1) * PACKED]
            for row in np.flatnonzero(rows.visible[chunk, :, 1:].all(1)):
                xy = rows.xy[chunk, row, 1:].numpy()
                if np.ptp(xy[:, 0]) == 0:
                    continue  # a pin of the scene
                offset = (xy - now) / 40.0
                assert np.abs(offset[:, None] - SPOTS["cat"][None]).sum(2).min(1) == pytest.approx(
                    0, abs=1e-4
                )
                seen += 1
    assert seen > 50


def test_points_under_another_object_are_occluded() -> None:
    below, above = dragged(), dragged()
    above.size = np.full(FRAMES, 200.0)
    sampler = TrackSampler({"cat": np.array([[0.0, 0.0]])}, WIDTH, HEIGHT)
    alone = sum(
        int(sampler.sample([below], still_camera(), np.random.default_rng(s)).visible.sum())
        for s in range(20)
    )
    covered = 0
    for seed in range(20):
        rows = sampler.sample([below, above], still_camera(), np.random.default_rng(seed))
        moving = np.ptp(rows.xy[:, :, :, 0].numpy(), axis=2) > 0
        covered += int((rows.visible.numpy() & moving[:, :, None]).any((0, 2)).sum())
    assert alone > 0
    assert covered <= 20 * 6, "only points of the upper object are visible"


def test_a_moving_camera_is_a_grid_of_scene_points() -> None:
    sampler = TrackSampler(SPOTS, WIDTH, HEIGHT)
    for seed in range(20):
        rows = sampler.sample([], panning_camera(), np.random.default_rng(seed))
        shown = rows.visible[2].all(1)
        if not shown.any():
            continue  # now and then the camera is not told
        step = np.diff(rows.xy[2, shown, 1:].numpy(), axis=1)
        assert step[..., 0] == pytest.approx(np.full(step[..., 0].shape, -2.0), abs=1e-3)
        return
    raise AssertionError("no clip of twenty told the camera")


def test_ids_and_counts_stay_in_range() -> None:
    sampler = TrackSampler(SPOTS, WIDTH, HEIGHT)
    for seed in range(20):
        rows = sampler.sample([dragged()] * 12, panning_camera(), np.random.default_rng(seed))
        assert rows.ids.shape[1] == MAX_TRACKS
        assert int(rows.ids.min()) >= 0 and int(rows.ids.max()) < ID_PERIOD
        outside = (rows.xy < 0).any(-1) | (rows.xy[..., 0] >= WIDTH) | (rows.xy[..., 1] >= HEIGHT)
        assert not (rows.visible & outside)[:, :, 1:].any()
