"""What publishers' own inference code gives, and how its weights and inputs are made again (see README.md there)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

FOLDER = Path(__file__).parent / "wan"
CLOSE = 1e-5  # below this, nothing but the order of summation differs


def opened(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A golden file's description and tensors."""
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        return json.loads(file.metadata()["golden"]), {key: file.get_tensor(key) for key in file.keys()}


def drawn(key: str, shape: Sequence[int], scale: float = 1.0, mean: float = 0.0) -> Tensor:
    """Uniform numbers of standard deviation `scale` about `mean`, from a generator of the key's own.

    `torch.rand` gives the same bits on every processor; `torch.randn` does not.
    """
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little") >> 1
    generator = torch.Generator("cpu").manual_seed(seed)
    return (2 * torch.rand(tuple(shape), generator=generator) - 1) * (scale * 3**0.5) + mean


def regenerated(recipe: dict[str, Any]) -> dict[str, Tensor]:
    """Tensors by name, checked against their recorded hash."""
    made = {
        name: drawn(f"{recipe['seed']}:{name}", shape, scale, mean)
        for name, shape, scale, mean in recipe["tensors"]
    }
    assert fingerprint(made) == recipe["sha256"], (
        "the weights are not those that the publisher's code was given"
    )
    return made


def text_rows(prompt: str, length: int, width: int) -> Tensor:
    """Text tokens [length, width] of a prompt: 7 + len(prompt) % 9 rows, zeros after them."""
    rows = torch.zeros(length, width)
    count = 7 + len(prompt) % 9
    rows[:count] = drawn(f"text:{prompt}", (count, width))
    return rows


def fingerprint(tensors: dict[str, Tensor]) -> str:
    """SHA-256 over names and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def difference(golden: Tensor, ours: Tensor) -> float:
    """RMS of the difference over RMS of the golden values."""
    return float((golden - ours).pow(2).mean().sqrt() / golden.pow(2).mean().sqrt())
