"""Which layer a hand comes down on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import RED, disc, stack


@pytest.mark.parametrize(("opacity", "index"), [(0.3, None), (0.8, 0)])
def test_a_hand_takes_what_covers_more_than_it_shows_through(opacity: float, index: int | None) -> None:
    fading = replace(disc(RED, 40, 30), opacity=opacity)
    assert stack(fading).at(40, 30) == index


def test_a_ring_is_taken_in_its_empty_middle_too() -> None:
    ring = disc(RED, 40, 30)
    inner = torch.zeros(20, 20, dtype=torch.bool)
    inner[9:11, 9:11] = True
    assert stack(replace(ring, rgba=ring.rgba * ~inner)).at(40, 30) == 0


@pytest.mark.parametrize(("x", "index"), [(51.5, 0), (54.0, None)])
def test_a_finger_may_miss_by_a_little(x: float, index: int | None) -> None:
    assert stack(disc(RED, 40, 30)).at(x, 30) == index
