"""Weights files: what is wrong with one is said, and nothing is written by halves."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from flowbrush.models.loading.checkpoint import BadWeights, check_finite, fill, random_like, read, save


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


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_tensor_with_a_number_that_is_not_finite_is_named(device: str, wrong: str) -> None:
    module = nn.Linear(3, 2, device=device)
    tensors = {"part.weight": torch.zeros(2, 3), "part.bias": torch.tensor([1.0, float(wrong)])}
    with pytest.raises(BadWeights, match=r"file: part\.bias has numbers that are not finite in float32"):
        fill(module, tensors, "part.", "file")


def test_a_number_too_large_for_the_type_that_is_wanted_is_named() -> None:
    tensors = {"weight": torch.full((2, 3), 1e5), "bias": torch.zeros(2)}
    fill(nn.Linear(3, 2, device="meta"), tensors, "", "file")
    with pytest.raises(BadWeights, match=r"weight has numbers that are not finite in float16"):
        fill(nn.Linear(3, 2, device="meta", dtype=torch.float16), tensors, "", "file")


def test_weights_of_eight_bits_are_looked_at_too() -> None:
    tensors = {"a": torch.tensor([1.0, 2.0]).to(torch.float8_e5m2), "count": torch.tensor(3)}
    check_finite(tensors, "file")
    with pytest.raises(BadWeights, match=r"file: b has numbers"):
        check_finite(tensors | {"b": torch.tensor([1.0, float("nan")]).to(torch.float8_e5m2)}, "file")


def test_random_weights_are_the_same_every_time() -> None:
    one, other, third = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
    random_like(one, 1)
    random_like(other, 1)
    random_like(third, 2)
    assert torch.equal(one.weight, other.weight)
    assert not torch.equal(one.weight, third.weight)
