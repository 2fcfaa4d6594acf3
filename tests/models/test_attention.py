"""Attention back ends: one signature, one answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.attention import BACKENDS, backend, block_causal, sdpa

CPU = torch.device("cpu")


def inputs(device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = ((2, 6, 2, 16), (2, 30, 2, 16), (2, 30, 2, 16))
    q, k, v = (torch.randn(shape, generator=generator).to(device, dtype) for shape in shapes)
    return q, k, v


def by_hand(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    scores = torch.einsum("bqhd,bkhd->bhqk", q.double(), k.double()) / q.shape[-1] ** 0.5
    return torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v.double())


@pytest.mark.parametrize("name", ["sdpa", "flex"])
def test_back_ends_agree_with_the_formula(name: str) -> None:
    q, k, v = inputs()
    out = backend(name, CPU)(q, k, v)
    assert out.shape == q.shape
    assert torch.allclose(out.double(), by_hand(q, k, v), atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_back_ends_agree_on_a_gpu(name: str) -> None:
    if name == "xformers":
        pytest.importorskip("xformers")
    device = torch.device("cuda")
    q, k, v = inputs(device, torch.float16)
    out = backend(name, device)(q, k, v)
    assert torch.allclose(out.double(), by_hand(q, k, v), atol=5e-3)


def test_an_unknown_back_end_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'magic'.*sdpa"):
        backend("magic", CPU)


def test_xformers_on_a_cpu_says_what_to_use() -> None:
    with pytest.raises(ValueError, match=r"CUDA.*'sdpa'"):
        backend("xformers", CPU)


def test_block_causal_sees_its_own_block_and_those_before() -> None:
    q, k, v = (torch.randn(1, 12, 2, 8) for _ in range(3))
    out = block_causal(sdpa, q, k, v, 4)
    changed_k, changed_v = k.clone(), v.clone()
    changed_k[:, 8:], changed_v[:, 8:] = 0, 100
    changed = block_causal(sdpa, q, changed_k, changed_v, 4)
    assert torch.equal(out[:, :8], changed[:, :8]), "a later block must not be seen"
    assert not torch.allclose(out[:, 8:], changed[:, 8:])
    block_changed = v.clone()
    block_changed[:, 3] += 10  # the last token of the first block is seen by its first
    assert not torch.allclose(out[:, 0], block_causal(sdpa, q, k, block_changed, 4)[:, 0])


def test_one_block_is_plain_attention() -> None:
    q, k, v = (torch.randn(1, 12, 2, 8) for _ in range(3))
    assert torch.allclose(block_causal(sdpa, q, k, v, 12), sdpa(q, k, v), atol=1e-6)
