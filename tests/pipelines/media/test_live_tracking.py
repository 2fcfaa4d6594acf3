"""Points of a video without an end, in rendered pictures whose true motion is known."""

from __future__ import annotations

import numpy as np
import torch
from test_point_tracking import FRAMES, HEIGHT, SCALE, WIDTH, moving, pixels, texture, way

from flowbrush.pipelines.media.live_tracking import LiveFollower
from flowbrush.pipelines.media.point_tracking import grid


def test_points_are_followed_to_a_pixel_and_those_that_left_come_again() -> None:
    points = grid(8, 5)
    follower = LiveFollower(points)
    found = [follower.put(picture) for picture in moving()]
    assert (found[0][1] == 1).all() and np.allclose(found[0][0], points)
    begun = np.zeros(len(points), int)
    off, again = [], 0
    for frame in range(1, FRAMES):
        xy, lives = found[frame]
        new = (lives > 0) & (lives != found[frame - 1][1]) & (lives > 1)
        begun = np.where(new, frame, begun)
        again += int(new.sum())
        assert np.allclose(xy[new], points[new], atol=1e-6), "where they began"
        for point in np.flatnonzero(lives):
            since = way(int(begun[point])).inverse
            truth = way(frame)(since(points[point] * SCALE))
            off.append(float(np.linalg.norm(xy[point] * SCALE - truth)))
    assert again >= 3 and all((lives > 0).mean() > 0.7 for _, lives in found)
    assert np.mean(off) <= 0.4 and max(off) <= 1.5


def test_after_a_cut_all_points_begin_anew() -> None:
    before, after = pixels(torch.stack([texture(seed, HEIGHT, WIDTH) for seed in (3, 4)]))
    follower = LiveFollower(grid(8, 5))
    lives = [follower.put(picture)[1] for picture in [before] * 2 + [after] * 8]
    assert (lives[1] == 1).all() and (lives[-1] == 2).all()
    assert all(not each.any() for each in lives[2:5]), "what flickers is no new track with each picture"
