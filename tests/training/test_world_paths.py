"""How things move in the toy world."""

from __future__ import annotations

import numpy as np
import pytest

from flowbrush.training.world.paths import camera, drift, ease, hand_drag, smooth_walk

WIDTH, HEIGHT = 320.0, 192.0
SEEDS = range(40)


def test_a_hand_starts_and_ends_a_move_at_rest() -> None:
    k = np.linspace(0, 1, 101)
    progress = ease(k)
    assert progress[0] == 0 and progress[-1] == 1
    assert (np.diff(progress) >= 0).all()
    speed = np.diff(progress)
    assert speed[0] < 0.01 * speed.max() and speed[-1] < 0.01 * speed.max()


@pytest.mark.parametrize("frames", [4, 8, 24, 97])
def test_drags_begin_where_the_object_is_and_rest_when_let_go(frames: int) -> None:
    start = np.array([100.0, 90.0])
    moved = 0
    for seed in SEEDS:
        xy, held = hand_drag(np.random.default_rng(seed), frames, start, WIDTH, HEIGHT)
        assert xy.shape == (frames, 2) and held.shape == (frames,)
        assert np.isfinite(xy).all()
        assert xy[0] == pytest.approx(start, abs=0.3 * WIDTH if held[0] else 0)
        steps = np.linalg.norm(np.diff(xy, axis=0), axis=1)
        free = ~held[1:] & ~held[:-1]
        assert (steps[free] == 0).all(), "what nobody holds does not move"
        moved += bool((steps > 1).any())
    assert moved > len(SEEDS) / 2 or frames <= 8


def test_what_nobody_holds_moves_little() -> None:
    for seed in SEEDS:
        xy = drift(np.random.default_rng(seed), 48, np.array([50.0, 50.0]))
        assert xy.shape == (48, 2)
        assert np.linalg.norm(np.diff(xy, axis=0), axis=1).max() < 4


def test_a_slow_curve_starts_at_zero() -> None:
    for seed in SEEDS:
        assert smooth_walk(np.random.default_rng(seed), 30, 5.0)[0] == 0


def test_the_camera_starts_at_the_identity_and_keeps_shapes() -> None:
    still = 0
    for seed in SEEDS:
        transforms = camera(np.random.default_rng(seed), 32, WIDTH, HEIGHT)
        assert transforms.shape == (32, 2, 3)
        assert transforms[0] == pytest.approx(np.eye(2, 3))
        linear = transforms[:, :, :2]
        gram = np.einsum("fij,fkj->fik", linear, linear)
        assert gram[:, 0, 1] == pytest.approx(np.zeros(32), abs=1e-9), "turned and scaled, not sheared"
        assert gram[:, 0, 0] == pytest.approx(gram[:, 1, 1])
        still += bool(np.allclose(transforms, transforms[:1]))
    assert 0.3 < still / len(SEEDS) < 0.9
