"""Rotary positions: by slot, relative, and split between time, rows and columns as in Wan 2.1."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.rope import RopeTable, rope_angles, rotate

HEAD, ROWS, COLUMNS = 24, 2, 3


@pytest.fixture
def table() -> RopeTable:
    return RopeTable(HEAD, 8, ROWS, COLUMNS, torch.device("cpu"), torch.float32)


def test_angles_are_split_as_wan_splits_them() -> None:
    """A head of 128 has 22 pairs for time and 21 each for row and column."""
    angles = rope_angles(128, range(3), 2, 5).view(3, 2, 5, 64)
    assert torch.equal(angles[:, 0, 0, 22:], torch.zeros(3, 42, dtype=torch.float64))
    assert torch.equal(angles[0, :, 0, :22], torch.zeros(2, 22, dtype=torch.float64))
    assert torch.equal(angles[2, 1, 4, [0, 22, 43]], torch.tensor([2.0, 1.0, 4.0], dtype=torch.float64))
    assert float(angles[1, 0, 0, 11]) == pytest.approx(10000 ** (-11 / 22))


def test_position_zero_changes_nothing(table: RopeTable) -> None:
    x = torch.randn(1, 1, 2, HEAD)
    assert torch.allclose(table.rotate(x, 0), x)


def test_rotation_keeps_lengths(table: RopeTable) -> None:
    x = torch.randn(2, 4 * table.tokens, 2, HEAD)
    assert torch.allclose(table.rotate(x, 3).norm(dim=-1), x.norm(dim=-1), atol=1e-5)


def test_scores_depend_on_the_distance_between_slots_alone(table: RopeTable) -> None:
    q, k = torch.randn(1, table.tokens, 1, HEAD), torch.randn(1, table.tokens, 1, HEAD)

    def scores(query: int, key: int) -> torch.Tensor:
        return torch.einsum("bqhd,bkhd->bqk", table.rotate(q, query), table.rotate(k, key))

    assert torch.allclose(scores(5, 3), scores(3, 1), atol=1e-4)
    assert not torch.allclose(scores(5, 3), scores(5, 4), atol=1e-2)


def test_a_run_of_frames_is_rotated_as_its_frames_are(table: RopeTable) -> None:
    x = torch.randn(1, 2 * table.tokens, 2, HEAD)
    first, second = x.split(table.tokens, 1)
    together = torch.cat([table.rotate(first, 4), table.rotate(second, 5)], 1)
    assert torch.allclose(table.rotate(x, 4), together)


def test_interleaved_pairs_turn_by_their_angle() -> None:
    x = torch.tensor([1.0, 0.0, 0.0, 1.0]).view(1, 1, 1, 4)
    quarter = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 1.0]])  # cos and sin of 90 degrees
    assert rotate(x, *quarter).flatten().tolist() == [0.0, 1.0, -1.0, 0.0]
