"""Regions as polygons and back."""

from __future__ import annotations

import pytest
import torch
from stacks import HEIGHT, WIDTH

from flowbrush.pipelines.reference.outline import filled, outline, without_crumbs


def ring(
    x: float, y: float, outer: float, inner: float = 0.0, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> torch.Tensor:
    across, down = torch.arange(size[1])[None] + 0.5 - x, torch.arange(size[0])[:, None] + 0.5 - y
    away = (across.square() + down.square()).sqrt()
    return ((away < outer) & (away >= inner)).float()


def iou(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.minimum(one, other).sum() / torch.maximum(one, other).sum())


def test_a_disc_comes_back() -> None:
    disc = ring(160, 96, 50, size=(192, 320))
    polygons = outline(disc)
    assert len(polygons) == 1 and 8 < len(polygons[0]) < 120
    assert iou(filled(polygons, (192, 320)), disc) > 0.97


def test_holes_are_even_odd() -> None:
    shape = ring(48, 32, 26, 12)
    polygons = outline(shape)
    assert len(polygons) == 2
    back = filled(polygons, (HEIGHT, WIDTH))
    assert back[32, 48] == 0 and back[32, 48 + 19] == 1


def test_specks_have_no_outline_and_nothing_has_none() -> None:
    assert outline(ring(20, 20, 1.2)) == () and outline(torch.zeros(HEIGHT, WIDTH)) == ()


def test_what_touches_the_rim_is_closed_within_the_picture() -> None:
    polygons = outline(torch.ones(HEIGHT, WIDTH))
    assert len(polygons) == 1
    assert all(-0.01 <= v <= 1.01 for point in polygons[0] for v in point)
    assert iou(filled(polygons, (HEIGHT, WIDTH)), torch.ones(HEIGHT, WIDTH)) > 0.97


def test_crumbs_are_left_out_and_pinholes_filled() -> None:
    rows, columns = torch.meshgrid(torch.arange(120.0), torch.arange(160.0), indexing="ij")
    body = (torch.hypot(rows - 60, columns - 60) < 40).float()
    second = (
        torch.hypot(rows - 60, columns - 130) < 14
    ).float()  # an eighth of the body's area: a part of the thing
    island, pinhole = torch.zeros_like(body), torch.zeros_like(body)
    island[4:9, 145:150], pinhole[58:63, 50:55] = 1, 1
    found = without_crumbs(body + second + island - pinhole)
    assert torch.equal(found, body + second)
    speck, pinprick = torch.zeros_like(body), torch.zeros_like(body)
    speck[4:6, 145:147], pinprick[58:60, 50:52] = 1, 1  # too small to be drawn round
    assert torch.equal(without_crumbs(body + speck - pinprick), body)
    plain = 0.8 * body
    assert without_crumbs(plain) is plain
    assert not without_crumbs(torch.zeros(8, 8)).any()


def block(*spans: tuple[int, int, int, int]) -> torch.Tensor:
    """Rectangles (top, bottom, left, right) of one region."""
    region = torch.zeros(192, 320)
    for top, bottom, left, right in spans:
        region[top:bottom, left:right] = 1
    return region


@pytest.mark.parametrize(("side", "outlines"), [(3, 0), (4, 1)])
def test_an_outline_goes_round_a_dozen_pixels_at_least(side: int, outlines: int) -> None:
    assert len(outline(block((50, 50 + side, 50, 50 + side)))) == outlines


@pytest.mark.parametrize(("side", "stays"), [(14, False), (22, True)])
def test_three_hundredths_of_the_largest_part_are_a_part(side: int, stays: bool) -> None:
    """Two of ten thousand pixels are none, five are one."""
    found = without_crumbs(block((20, 120, 20, 120), (20, 20 + side, 200, 200 + side)))
    assert bool(found[:, 190:].any()) is stays


def test_an_outline_leaves_stairs_of_pixels_out_and_keeps_steps_of_them() -> None:
    rows, columns = torch.arange(192.0)[:, None], torch.arange(320.0)[None]
    slope = ((rows > 20) & (rows < 150) & (columns > 20) & (columns < 80 + 0.37 * rows)).float()
    assert sum(len(polygon) for polygon in outline(slope)) <= 20
    stepped = block((20, 120, 20, 220), (19, 20, 80, 160))  # a pixel higher in the middle
    assert torch.equal(filled(outline(stepped), (192, 320))[15:25], stepped[15:25])
