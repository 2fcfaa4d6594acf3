"""What a click found is a thing or a piece of ground: by its outline, by the network at the click, by the picture's rim."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from flowbrush.models.segmentation.ground import clear_outline, is_ground

SIZE = (96, 160)
CLICK = torch.tensor([80.0, 48.0])


def patch(left: int, top: int, right: int, bottom: int) -> Tensor:
    """Opacity [H, W]: 1 in a rectangle."""
    solid = torch.zeros(SIZE)
    solid[top:bottom, left:right] = 1
    return solid


def shown(solid: Tensor, contrast: float) -> Tensor:
    """A picture [3, H, W] in which what is `solid` has another grey: colours differ by `contrast`."""
    return (solid * contrast / 3**0.5).expand(3, -1, -1)


def ground(solid: Tensor, contrast: float, sure: float) -> bool:
    return is_ground(shown(solid, contrast), torch.full((1, *SIZE), sure), solid[None], CLICK)


THING, SMALL = patch(50, 30, 110, 70), patch(70, 40, 90, 56)
HALF = patch(0, 40, 160, 96)  # the lower part of the picture, as grass is


@pytest.mark.parametrize("solid", [THING, SMALL])
def test_what_has_an_outline_is_a_thing_even_where_the_network_doubts(solid: Tensor) -> None:
    assert not ground(solid, 0.5, 0.65)
    assert ground(solid, 0.5, 0.55), "what the network hardly finds is none"


def test_what_has_no_outline_is_ground_even_where_the_network_is_quite_sure() -> None:
    assert ground(THING, 0.0, 0.97)
    assert ground(THING, 0.1, 0.97), "skies change a little everywhere"
    assert not ground(THING, 0.2, 0.97), "a thing in the dusk"


def test_a_sky_that_darkens_evenly_has_no_outline_anywhere() -> None:
    sky = torch.linspace(-0.95, 0.95, SIZE[0])[:, None].expand(3, *SIZE)
    assert clear_outline(sky, THING) == 0.0


def test_doubts_around_a_thing_are_not_its_outline() -> None:
    found = torch.maximum(THING, 0.3 * patch(38, 18, 122, 82))
    assert not is_ground(shown(THING, 0.5), found[None], found[None], CLICK)


def test_what_lies_at_the_rim_has_to_be_found_surely() -> None:
    assert ground(HALF, 0.5, 0.8)
    cut = patch(60, 40, 100, 96)  # a person that the picture ends below the chest of
    assert not ground(cut, 0.5, 0.8)
    assert not ground(patch(20, 12, 160, 96), 0.5, 0.97), "a close-up"


def test_the_rim_of_a_small_piece_counts_for_more() -> None:
    strip = patch(0, 0, 160, 8)  # a strip of sky above a hill
    assert is_ground(shown(strip, 0.5), torch.full((1, *SIZE), 0.9), strip[None], torch.tensor([80.0, 4.0]))
    assert not ground(patch(0, 8, 150, 96), 0.5, 0.99)


def test_the_network_is_asked_where_the_click_was() -> None:
    found = torch.full((1, *SIZE), 0.9)
    found[0, 44:52, 76:84] = 0.3
    assert is_ground(shown(THING, 0.5), found, THING[None], CLICK)
    assert not is_ground(shown(THING, 0.5), found, THING[None], torch.tensor([60.0, 40.0]))


def test_a_click_at_the_very_edge_is_in_the_picture() -> None:
    everything = patch(0, 0, 160, 96)
    is_ground(shown(everything, 0.5), torch.ones(1, *SIZE), everything[None], torch.tensor([160.0, 96.0]))


def test_an_outline_is_clear_where_its_sides_differ() -> None:
    picture = shown(THING, 0.5)
    assert clear_outline(picture, THING) == 1.0
    picture = picture * (torch.arange(160) < 80)
    assert clear_outline(picture, THING) == pytest.approx(0.5, abs=0.05)
    assert clear_outline(picture, torch.ones(SIZE)) == 0.0


def test_fine_patterns_on_both_sides_are_no_outline() -> None:
    y, x = torch.meshgrid(torch.arange(96), torch.arange(160), indexing="ij")
    checks = ((x + y) % 2 * 0.8 - 0.4).expand(3, -1, -1)
    assert clear_outline(checks, THING) < 0.2


def test_an_outline_is_looked_at_closely() -> None:
    gap = patch(46, 26, 114, 74) - THING  # a rim of shadow around a thing on ground of its own colour
    assert clear_outline(shown(gap, 0.3), THING) > 0.9
