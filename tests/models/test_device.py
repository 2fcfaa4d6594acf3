"""Where to run, and in which number type."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.device import choose


def test_what_is_asked_for_is_given() -> None:
    placement = choose("cpu", "fp32")
    assert placement.device.type == "cpu" and placement.dtype is torch.float32
    assert choose("cpu", "bf16").dtype is torch.bfloat16


def test_auto_says_why() -> None:
    placement = choose()
    assert placement.dtype in (torch.float32, torch.bfloat16)
    assert placement.reason
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert placement.device.type == expected


def test_bf16_is_chosen_on_a_cpu_only_where_it_has_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    for flags, dtype in (("fpu sse2 avx512f", torch.float32), ("fpu avx512_bf16", torch.bfloat16)):
        monkeypatch.setattr("flowbrush.models.device.Path.is_file", lambda self: True)
        monkeypatch.setattr(
            "flowbrush.models.device.Path.read_text", lambda self, flags=flags: f"flags : {flags}"
        )
        assert choose("cpu").dtype is dtype


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no CUDA device"):
        choose("cuda")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="'fp8'"):
        choose("cpu", "fp8")
    for device in ("abacus", "vulkan", "cpu:x"):
        with pytest.raises(ValueError, match=f"{device}.*'cpu'"):
            choose(device)
