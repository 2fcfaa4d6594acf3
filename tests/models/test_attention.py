"""Attention back ends: one signature, one answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from flowbrush.models import attention
from flowbrush.models.attention import (
    BACKENDS,
    MEASURED,
    Attention,
    Shape,
    backend,
    block_causal,
    choose,
    measure,
    sdpa,
)

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
    device = torch.device("cuda")
    q, k, v = inputs(device, torch.float16)
    try:
        attend = backend(name, device)
    except ValueError as error:
        pytest.skip(str(error))
    out = attend(q, k, v)
    assert torch.allclose(out.double(), by_hand(q, k, v), atol=5e-3)


@pytest.mark.gpu
def test_the_fastest_is_found_by_measuring() -> None:
    fastest, times = measure(torch.device("cuda"), torch.bfloat16, Shape(4680, 14040, 12, 128))
    assert fastest in MEASURED and times[fastest] == min(times.values()) and "sdpa" in times


class Event:
    """A CUDA event of a device that is busy for as long as its calls say."""

    now_ms = 0.0

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.at_ms = Event.now_ms

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, other: Event) -> float:
        return other.at_ms - self.at_ms


def test_what_is_slow_at_first_is_measured_when_it_is_not_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six calls until then: the one whose answer is compared, and five. Five more are measured; a start waits for no others."""
    calls = {"sdpa": 0, "cudnn": 0}

    def taking(name: str, first_ms: float, then_ms: float) -> Attention:
        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            calls[name] += 1
            Event.now_ms += first_ms if calls[name] <= 6 else then_ms
            return sdpa(q, k, v)

        return attend

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(attention, "CUDA_ONLY", ("fa3", "xformers"))
    monkeypatch.setitem(BACKENDS, "sdpa", taking("sdpa", 2.0, 2.0))
    monkeypatch.setitem(BACKENDS, "cudnn", taking("cudnn", 50.0, 1.0))
    assert measure(CPU, torch.float32, Shape(6, 30, 2, 16)) == ("cudnn", {"sdpa": 2.0, "cudnn": 1.0})
    assert calls == {"sdpa": 11, "cudnn": 11}


def test_without_a_gpu_there_is_nothing_to_measure() -> None:
    assert choose("auto", CPU, torch.float32, Shape(6, 30, 2, 16)) is sdpa
    assert choose("flex", CPU, torch.float32, Shape(6, 30, 2, 16)) is BACKENDS["flex"]


def test_an_unknown_back_end_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'magic'.*sdpa"):
        backend("magic", CPU)


@pytest.mark.parametrize("name", ["xformers", "cudnn", "fa3"])
def test_a_back_end_for_gpus_says_on_a_cpu_what_to_use(name: str) -> None:
    with pytest.raises(ValueError, match=r"CUDA.*'sdpa'"):
        backend(name, CPU)


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
