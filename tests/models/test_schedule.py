"""Noise levels and the formulas that go with them."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowbrush.models.schedule import chunk_noise, clean_from, euler, levels, renoise


@given(st.integers(1, 64), st.floats(1, 10))
def test_levels_fall_from_pure_noise_and_stop_above_zero(steps: int, shift: float) -> None:
    found = levels(steps, shift)
    assert len(found) == steps and found[0] == 1.0
    assert all(a > b > 0 for a, b in itertools.pairwise(found)) and found[-1] > 0


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        levels(0)


def test_velocity_and_clean_predictions_agree() -> None:
    clean, noise = torch.randn(3, 4), torch.randn(3, 4)
    noisy = renoise(clean, noise, 0.7)
    assert torch.allclose(clean_from(noise - clean, noisy, 0.7, "velocity"), clean, atol=1e-6)
    assert clean_from(clean, noisy, 0.7, "x0") is clean


def test_an_euler_step_stays_on_the_line_between_clean_and_noise() -> None:
    clean, noise = torch.randn(3, 4), torch.randn(3, 4)
    stepped = euler(renoise(clean, noise, 0.8), clean, 0.8, 0.3)
    assert torch.allclose(stepped, renoise(clean, noise, 0.3), atol=1e-6)
    assert torch.allclose(euler(noise, clean, 1.0, 0.0), clean, atol=1e-6)


def test_noise_depends_on_its_arguments_alone() -> None:
    shape = (8, 1, 4, 4)
    reference = chunk_noise(1, 2, 0, shape)
    torch.manual_seed(99)
    assert torch.equal(chunk_noise(1, 2, 0, shape), reference)
    for other in ((2, 2, 0), (1, 3, 0), (1, 2, 1), (12, 0, 0)):
        assert not torch.equal(chunk_noise(*other, shape), reference)


def test_noise_is_standard_normal() -> None:
    noise = chunk_noise(5, 0, 0, (64, 1, 32, 32))
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
