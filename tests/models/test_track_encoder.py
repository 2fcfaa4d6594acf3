"""The id code of tracks on the latent grid."""

from __future__ import annotations

import torch

from models.spec import MotionSpec
from models.track_encoder import PACKED, TrackHead, id_code, write_code

DIM, STRIDE, ROWS, COLUMNS = 8, 8, 4, 6


def write(points: list[tuple[float, float]], visible: list[bool], id: int = 5) -> torch.Tensor:
    """The code [PACKED, DIM, rows, columns] of one track at `points`, one a pixel frame."""
    xy = torch.tensor(points).view(1, 1, PACKED, 2)
    code = write_code(
        xy, torch.tensor(visible).view(1, 1, PACKED), torch.tensor([[id]]), DIM, STRIDE, ROWS, COLUMNS
    )
    assert code.shape == (1, PACKED * DIM, ROWS, COLUMNS)
    return code.view(PACKED, DIM, ROWS, COLUMNS)


def test_the_code_stands_in_the_cell_of_every_frame() -> None:
    code = write([(1, 1), (9, 1), (17, 25), (47.9, 31.9)], [True] * 4)
    for frame, (row, column) in enumerate(((0, 0), (0, 1), (3, 2), (3, 5))):
        assert torch.equal(code[frame, :, row, column], id_code(torch.tensor(5), DIM))
        code[frame, :, row, column] = 0
    assert not code.any()


def test_nothing_is_written_where_a_track_is_not_visible() -> None:
    code = write([(9, 9)] * 4, [True, False, False, True])
    assert code[0].any() and code[3].any() and not code[1:3].any()


def test_nothing_is_written_outside_the_frame() -> None:
    assert not write([(-1, 5), (5, -0.1), (48, 5), (5, 32)], [True] * 4).any()


def test_the_later_track_stands_where_two_share_a_cell() -> None:
    xy = torch.full((1, 2, PACKED, 2), 10.0)
    code = write_code(
        xy, torch.ones(1, 2, PACKED, dtype=torch.bool), torch.tensor([[1, 2]]), DIM, STRIDE, ROWS, COLUMNS
    )
    assert torch.equal(code[0, :DIM, 1, 1], id_code(torch.tensor(2), DIM))


def test_ids_are_told_apart() -> None:
    codes = id_code(torch.arange(512), 16)
    distance = torch.cdist(codes, codes) + 10 * torch.eye(512)
    assert float(distance.min()) > 0.01
    assert torch.allclose(codes.norm(dim=-1), torch.full((512,), 8**0.5), atol=1e-4)


def test_the_head_is_pointwise() -> None:
    head = TrackHead(MotionSpec(id_dim=4, channels=6))
    code = torch.zeros(1, 16, 1, 4, 4)
    code[0, :, 0, 2, 3] = 1
    out = head(code) - head(torch.zeros_like(code))
    touched = out.abs().sum((0, 1, 2)) > 1e-6
    assert touched.nonzero().tolist() == [[2, 3]]
