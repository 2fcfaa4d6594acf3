"""Specs refuse what cannot be built."""

from __future__ import annotations

from typing import Any

import pytest

from models.spec import MotionSpec, StudentSpec

GOOD: dict[str, Any] = dict(latent_channels=4, dim=48, ffn_dim=64, heads=2, layers=2, text_dim=8)


def test_a_good_spec_is_taken() -> None:
    spec = StudentSpec(**GOOD)
    assert spec.head_dim == 24 and spec.model_channels == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 5}, "multiple of heads"),
        ({"dim": 18}, "must be even"),
        ({"window": 0}, "at least 1"),
        ({"sink": -1}, "sink at least 0"),
        ({"prediction": "noise"}, "'noise'"),
        ({"motion": MotionSpec()}, "conv_width"),
    ],
)
def test_a_bad_one_is_refused_with_the_reason(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudentSpec(**{**GOOD, **change})
