"""Which weights a model has: the same text for the same weights, wherever they lie and in whatever number type."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

SAMPLE = 4096
"""Values that are looked at of each tensor, evenly spread: enough to tell two trainings apart, and quick for any model."""


def fingerprint(model: Any) -> str:
    """`sha256:` and 64 digits over all networks that are attributes of `model`."""
    digest = hashlib.sha256()
    networks = {name: part for name, part in vars(model).items() if isinstance(part, nn.Module)}
    for name in sorted(networks):
        for key, value in sorted(networks[name].state_dict().items()):
            if isinstance(value, Tensor):
                digest.update(f"{name}.{key} {tuple(value.shape)}".encode())
                digest.update(_sample(value))
    return f"sha256:{digest.hexdigest()}"


def _sample(value: Tensor) -> bytes:
    flat = value.detach().reshape(-1)
    step = max(1, flat.numel() // SAMPLE)
    # in bfloat16, so that a model in single precision and the same in half of it agree
    return flat[::step].to("cpu", torch.bfloat16).view(torch.int16).numpy().tobytes()
