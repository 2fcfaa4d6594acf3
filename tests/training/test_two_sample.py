"""The two-sample test tells what differs, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluation import two_sample
from flowbrush.training.evaluation.two_sample import TwoSample, Verdict, judged, taught
from flowbrush.training.world.sprites import MissingFont, find_font

STEPS = 40


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_sample, "CROP", 32)
    monkeypatch.setattr(two_sample, "PAIRS", 4)


def stretches(seed: int, count: int) -> Tensor:
    """Soft stripes that move, each at a pace and of a colour of its own: uint8 [count, 10, 3, 32, 64]."""
    rng = np.random.default_rng(seed)
    x, t = np.arange(64) / 64, np.arange(10)[:, None]
    shown = []
    for _ in range(count):
        angle = 2 * np.pi * (rng.uniform(1, 3) * x + rng.uniform(0.02, 0.06) * t + rng.random())
        line = 0.5 + rng.uniform(0.15, 0.3) * np.sin(angle)  # [10, 64]
        colour = rng.uniform(0.4, 1.0, 3)[None, :, None]
        shown.append(np.repeat((line[:, None] * colour)[:, :, None], 32, 2))
    return two_sample.as_shown(torch.from_numpy(np.stack(shown)).float())


def noisy(clips: Tensor) -> Tensor:
    noise = torch.randn(clips.shape, generator=torch.Generator().manual_seed(0))
    return (clips + 8 * noise).round().clamp(0, 255).to(torch.uint8)


def test_noise_is_told_from_clean_on_other_worlds() -> None:
    learn, judge = stretches(1, 20), stretches(2, 20)
    verdict = judged(taught(learn, noisy(learn), STEPS), judge, noisy(judge))
    assert verdict.clips == 40
    assert verdict.right > 0.9 and verdict.low > 0.75


def test_two_halves_of_the_same_set_are_not_told_apart() -> None:
    learn, judge = stretches(3, 40), stretches(4, 60)
    verdict = judged(taught(learn[::2], learn[1::2], STEPS), judge[::2], judge[1::2])
    assert 0.3 < verdict.right < 0.7


def test_the_same_stretches_give_the_same_figure() -> None:
    learn, judge = stretches(5, 8), stretches(6, 8)
    first, second = (judged(taught(learn, noisy(learn), 8), judge, noisy(judge)) for _ in range(2))
    assert first == second


def test_both_sides_of_a_pair_show_the_same_world_time_and_place() -> None:
    learn = stretches(7, 6)
    rng = np.random.default_rng(0)
    for real, made in two_sample._pairs(rng, learn, 255 - learn):
        assert torch.equal(real, 255 - made)


def test_the_interval_is_wilsons() -> None:
    verdict = Verdict.of([True] * 8 + [False] * 2)
    assert (verdict.clips, verdict.right) == (10, 0.8)
    assert verdict.low == pytest.approx(0.490, abs=1e-3) and verdict.high == pytest.approx(0.943, abs=1e-3)
    assert Verdict.of([True] * 20).low < 0.9, "twenty of twenty is not certainty"


def test_no_world_is_learned_from_and_judged_on(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        find_font()
    except MissingFont as error:
        pytest.skip(str(error))
    monkeypatch.setattr(two_sample, "SKIPPED", 4)
    monkeypatch.setattr(two_sample, "KEPT", 8)
    model = Generator.load("pocket", seats=1).model
    seen: list[str] = []
    test = TwoSample(model, 2, (96, 64), seen.append)  # type: ignore[arg-type]
    lessons, cases = test._sides(0, 1), test._sides(1, 1)
    assert set(lessons) == {"student", "bypassed", "truth", "other"}
    truths = [sides[kind][0] for sides in (lessons, cases) for kind in ("truth", "other")]
    assert all(truth.shape == (two_sample.KEPT, 3, 64, 96) and truth.dtype == torch.uint8 for truth in truths)
    assert not any(torch.equal(a, b) for place, a in enumerate(truths) for b in truths[:place])
    assert torch.equal(test._sides(0, 1)["student"], lessons["student"]), (
        "its noise depends on the seed alone"
    )
    assert not torch.equal(lessons["student"], lessons["bypassed"])
    assert "learn from world 1 of 1" in seen[0]
