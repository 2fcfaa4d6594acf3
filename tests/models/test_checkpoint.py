"""Weights files: what is wrong with one is said, and nothing is written by halves."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from flowbrush.models.checkpoint import BadWeights, fill, random_like, read, save


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sub" / "weights.safetensors"
    save(path, {"part": nn.Linear(3, 2)}, {"vocabulary": ["a", "b"]})
    return path


def test_what_is_saved_is_read(file: Path) -> None:
    tensors, metadata = read(file)
    assert sorted(tensors) == ["part.bias", "part.weight"]
    assert metadata == {"vocabulary": '["a", "b"]'}
    module = nn.Linear(3, 2)
    fill(module, tensors, "part.", file.name)
    assert torch.equal(module.weight, tensors["part.weight"])
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match=r"no weights at .*none\.safetensors"):
        read(tmp_path / "none.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 40, -1])
def test_a_truncated_file_is_an_error(file: Path, keep: int) -> None:
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(BadWeights, match="truncated"):
        read(file)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    path = tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BadWeights):
        read(path)
    assert not (tmp_path / "ran").exists()


def test_missing_unexpected_and_misshaped_tensors_are_named() -> None:
    module = nn.Linear(3, 2)
    with pytest.raises(BadWeights, match=r"missing part\.bias; unexpected part\.other"):
        fill(module, {"part.weight": torch.zeros(2, 3), "part.other": torch.zeros(1)}, "part.", "file")
    with pytest.raises(BadWeights, match=r"part\.weight has shape \(3, 2\), expected \(2, 3\)"):
        fill(module, {"part.weight": torch.zeros(3, 2), "part.bias": torch.zeros(2)}, "part.", "file")


def test_random_weights_are_the_same_every_time() -> None:
    one, other, third = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
    random_like(one, 1)
    random_like(other, 1)
    random_like(third, 2)
    assert torch.equal(one.weight, other.weight)
    assert not torch.equal(one.weight, third.weight)
