"""Colours have their say about what a network found: where it doubts, and not where it is sure."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from flowbrush.models.segmentation.appearance import BINS, SURE, _histogram, by_color

SIZE = (96, 160)
GROUND, THING = (-0.6, 0.1, 0.4), (0.7, -0.2, -0.5)
LEFT, RIGHT = (slice(30, 60), slice(40, 70)), (slice(30, 60), slice(70, 100))


def scene() -> tuple[Tensor, Tensor]:
    """A thing in front of its ground [3, H, W], and a network's find [1, H, W] that is sure of its left half only."""
    picture = torch.tensor(GROUND).view(3, 1, 1).expand(3, *SIZE).clone()
    found = torch.full((1, *SIZE), 0.03)
    for half, opacity in ((LEFT, 0.95), (RIGHT, 0.3)):
        picture[:, *half] = torch.tensor(THING).view(3, 1, 1)
        found[:, *half] = opacity
    return picture, found


def test_what_has_the_things_colours_is_found_with_it() -> None:
    picture, found = scene()
    weighed = by_color(picture, found)[0]
    for half in (LEFT, RIGHT):
        assert float(weighed[half][1:-1, 1:-1].min()) > 0.6  # the rim is mixed with the ground
    assert float(weighed[:25].max()) < 0.05


def test_light_that_changes_along_a_thing_does_not_cut_it() -> None:
    picture, found = scene()
    picture[:, *RIGHT] += 0.15
    found[:, *RIGHT] = 0.15  # by itself, a colour that is found so little speaks against the thing
    assert float(by_color(picture, found)[0][RIGHT][1:-1, 1:-1].min()) > 0.5


def test_colours_a_quarter_apart_are_two() -> None:
    """Else a thing that is a little lighter than its ground had no colour of its own."""
    picture, found = scene()
    picture[:] = 0.0
    for half in (LEFT, RIGHT):
        picture[0][half] = 0.5
    weighed = by_color(picture, found)[0]
    assert float(weighed[RIGHT][1:-1, 1:-1].min()) > 0.6
    assert float(weighed[:25].max()) < 0.05


def test_a_colour_of_its_own_is_believed_where_the_network_found_nothing() -> None:
    picture, found = scene()
    for half in (LEFT, RIGHT):
        found[:, *half] = 0.99
    spot = (slice(40, 44), slice(50, 54))
    found[:, *spot] = 0.0
    assert float(by_color(picture, found)[0][spot].min()) > 0.5


def test_the_faintest_opacity_counts() -> None:
    """In whole parts, which many pixels of doubt must not be lost in."""
    codes = torch.zeros(96, 160, dtype=torch.long)
    codes[:, 80:] = BINS**3 - 1
    weights = torch.full((96, 160), SURE)
    weights[:, 80:] = 0.9
    shares = _histogram(codes, weights)
    assert float(shares[0] / shares[-1]) == pytest.approx(SURE / 0.9, rel=0.05)


def test_a_network_that_is_sure_is_not_overruled_by_a_colour() -> None:
    picture, found = scene()
    same = (slice(70, 90), slice(10, 30))  # a part of the thing that looks like the ground
    found[:, *same] = 0.999
    other = (slice(5, 25), slice(120, 140))  # something else that looks like the thing
    picture[:, *other], found[:, *other] = torch.tensor(THING).view(3, 1, 1), 0.0
    weighed = by_color(picture, found)[0]
    assert float(weighed[same][1:-1, 1:-1].min()) > 0.5
    assert float(weighed[other].max()) < 0.5


def test_a_colour_that_is_hardly_there_decides_nothing() -> None:
    picture, found = scene()
    speck = (slice(80, 81), slice(120, 121))
    picture[:, *speck], found[:, *speck] = torch.tensor((0.9, 0.9, 0.9)).view(3, 1, 1), 0.4
    alone = by_color(picture, found)[0]
    picture[:, *speck] = torch.tensor(GROUND).view(3, 1, 1)
    assert abs(float(alone[speck]) - float(by_color(picture, found)[0][speck])) < 0.07


def test_a_single_pixel_is_no_hole() -> None:
    picture, found = scene()
    picture[:, 45, 55], found[:, 45, 55] = torch.tensor(GROUND), 0.03
    assert float(by_color(picture, found)[0, 45, 55]) > 0.5


def test_the_order_of_the_pixels_is_no_matter() -> None:
    random = torch.Generator().manual_seed(1)
    codes = torch.randint(0, 5, (96, 160), generator=random)
    weights = torch.rand(96, 160, generator=random)
    order = torch.randperm(codes.numel(), generator=random)
    again = _histogram(codes.flatten()[order], weights.flatten()[order])
    assert torch.equal(_histogram(codes, weights), again)  # a GPU adds in any order
