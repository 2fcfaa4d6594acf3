"""Which device and number type to run on, chosen by what is there, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Placement:
    device: torch.device
    dtype: torch.dtype
    reason: str


def choose(device: str = "auto", dtype: str = "auto") -> Placement:
    """Resolves names such as "auto", "cpu", "cuda:1", "mps" and "auto", "fp32", "bf16". Raises ValueError."""
    place = torch.device(_best_device() if device == "auto" else device)
    if place.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {device!r} was asked for, but PyTorch sees no CUDA device; use 'auto' or 'cpu'")
    if dtype in ("fp32", "float32"):
        return Placement(place, torch.float32, "asked for")
    if dtype in ("bf16", "bfloat16"):
        return Placement(place, torch.bfloat16, "asked for")
    if dtype != "auto":
        raise ValueError(f"dtype {dtype!r} is unknown: expected 'auto', 'fp32' or 'bf16'")
    fast, reason = _bf16_is_fast(place)
    return Placement(place, torch.bfloat16 if fast else torch.float32, reason)


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _bf16_is_fast(device: torch.device) -> tuple[bool, str]:
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return major >= 8, f"compute capability {major}.x"
    if device.type == "mps":
        return False, "Apple's MPS"
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    for flag in ("amx_bf16", "avx512_bf16"):
        if flag in flags:
            return True, f"the CPU has {flag}"
    return False, "the CPU has no bf16 instructions"
