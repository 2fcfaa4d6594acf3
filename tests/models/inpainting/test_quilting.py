"""Tiles go into a hole from its rim inwards, and only from windows without a hole."""

from __future__ import annotations

import torch

from flowbrush.models.inpainting.quilting import SIDE, quilted, windows

HEIGHT, WIDTH = 24, 40
HOLE = (slice(6, 18), slice(12, 28))


def lacks() -> torch.Tensor:
    hole = torch.zeros(1, HEIGHT, WIDTH)
    hole[:, *HOLE] = 1
    return hole


def test_windows_keep_clear_of_the_hole() -> None:
    places = windows(lacks())
    across = WIDTH - SIDE + 1
    rows, columns = places // across, places % across
    assert len(places) > 0
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        assert not lacks()[:, row : row + SIDE, column : column + SIDE].any()


def test_a_picture_smaller_than_a_window_has_none() -> None:
    assert len(windows(torch.zeros(1, SIDE - 1, 40))) == 0


def test_boards_are_taken_from_where_they_are_in_step() -> None:
    boards = (torch.arange(WIDTH) % 4 < 2).float().expand(3, HEIGHT, WIDTH).contiguous()
    at = lacks().flatten().nonzero()[:, 0]
    rows, columns = quilted(boards, lacks(), torch.full_like(boards, 0.5), at)
    assert torch.equal(boards[0, rows, columns], boards[0].flatten()[at])
    assert not lacks()[0, rows, columns].any()
