"""What the student sees of a reference and of the past."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import HEIGHT, RED, WIDTH, disc, rows, stack

from flowbrush.models.cards.spec import PocketCodecSpec
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_channels import FRAMES, HINTS, condition_channels
from flowbrush.models.motion_latent import FLOW_UNIT
from flowbrush.pipelines.reference.maps import (
    OPACITY,
    VELOCITY,
    carried,
    reference_maps,
    with_past,
)
from flowbrush.pipelines.reference.render import move

CODEC = PocketCodec(PocketCodecSpec(channels=8)).eval()


def maps(to: float = 52.0) -> torch.Tensor:
    held = disc(RED, 52, 36, hands=frozenset({1}))
    return reference_maps(CODEC, move(stack(held), rows((1, (52, 36), (to, 36)))).reference)


def test_hints_have_their_places() -> None:
    seen = maps(56.0)
    assert seen.shape == (1, 8 + HINTS, HEIGHT // 8, WIDTH // 8)
    assert seen[0, OPACITY][:, 4, 6].tolist() == pytest.approx([1.0] * FRAMES, abs=0.05)
    assert seen[0, VELOCITY][-2:, 4, 6].tolist() == pytest.approx([4 / FLOW_UNIT, 0], abs=1e-5)
    assert not seen[0, VELOCITY][:, 0, 0].any() and not seen[0, OPACITY][:, 0, 0].any()


def test_a_faster_hand_is_told_as_a_bounded_one() -> None:
    """As fast as half a picture a second it is told as it is, and as the fastest that training knows where it is faster."""
    held = disc(RED, 52, 36, hands=frozenset({1}))
    resting = move(stack(held), rows((1, (52, 36), (52, 36)))).reference
    told = [
        float(
            reference_maps(CODEC, replace(resting, velocity=resting.velocity - gone))[:, VELOCITY].abs().max()
        )
        for gone in (40.0, 75.0, 150.0)
    ]
    assert told[0] == pytest.approx(40 / FLOW_UNIT)
    assert told[1] == told[2] > told[0]


def test_without_a_past_it_is_silent_and_says_so() -> None:
    seen, last = maps(), torch.randn(1, 27, HEIGHT // 8, WIDTH // 8)
    none, some = (with_past(seen, last, torch.tensor([known])) for known in (False, True))
    assert none.shape[1] == condition_channels(8, 27)
    assert not none[:, 8 + HINTS :].any()
    assert some[:, 8 + HINTS].all() and torch.allclose(some[:, 8 + HINTS + 1 :], last, atol=1e-5)


def test_the_past_is_carried_to_where_its_layer_is_now() -> None:
    last = torch.zeros(1, 1, 8, 12)
    last[..., 4, 5] = 1
    cells = torch.zeros(1, 2, 8, 12)
    cells[:, 0] = 2.0
    assert float(carried(last, cells)[0, 0, 4, 7]) == pytest.approx(1.0, abs=1e-5)
