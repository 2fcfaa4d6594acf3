"""Which device and number type to run on, chosen by what is there, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Placement:
    """Where a model runs and in which precision, and why that one (`reason`, for people)."""

    device: torch.device
    dtype: torch.dtype
    reason: str


def choose(device: str = "auto", dtype: str = "auto") -> Placement:
    """Resolves names such as "auto", "cpu", "cuda:1", "mps" and "auto", "fp32", "bf16". Raises ValueError."""
    place = _there(_best_device() if device == "auto" else device)
    if dtype in ("fp32", "float32"):
        return Placement(place, torch.float32, "asked for")
    if dtype in ("bf16", "bfloat16"):
        return Placement(place, torch.bfloat16, "asked for")
    if dtype != "auto":
        raise ValueError(f"dtype {dtype!r} is unknown: expected 'auto', 'fp32' or 'bf16'")
    fast, reason = _bf16_is_fast(place)
    return Placement(place, torch.bfloat16 if fast else torch.float32, reason)


def _there(device: str) -> torch.device:
    """The device of that name. Raises ValueError where there is none here."""
    try:
        place = torch.device(device)
    except RuntimeError:
        place = None
    if place is None or place.type not in ("cpu", "cuda", "mps"):
        raise ValueError(f"device {device!r} is unknown: expected 'auto', 'cpu', 'cuda', 'cuda:1' … or 'mps'")
    there = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(
        place.type, 1
    )
    if there == 0:
        kind = place.type.upper()
        raise ValueError(
            f"device {device!r} was asked for, but PyTorch sees no {kind} device; use 'auto' or 'cpu'"
        )
    if (place.index or 0) >= there:
        raise ValueError(f"device {device!r} was asked for, but the last one is '{place.type}:{there - 1}'")
    return place


def occupy(device: torch.device) -> None:
    """Makes a CUDA device the present one of this process: some kernels and libraries run on that one only."""
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """A tensor of main memory on the device, without waiting for the device."""
    if device.type in ("cpu", "mps"):
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


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
