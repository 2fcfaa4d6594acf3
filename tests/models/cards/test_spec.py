"""Specs refuse what cannot be built."""

from __future__ import annotations

from typing import Any

import pytest

from flowbrush.models.cards.spec import KeyframesSpec, StudentSpec

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
        ({"condition_channels": 3}, "conv_width"),
    ],
)
def test_a_bad_one_is_refused_with_the_reason(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudentSpec(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge": 100}, "edge 100 is not a multiple of thing_stride 8"),
        ({"sizes": ((320, 190),)}, "190 with margins of 56"),
        ({"margin": (150, 56)}, "320 with margins of 150"),
    ],
)
def test_keyframes_that_do_not_divide_into_blocks_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KeyframesSpec(**change)
