"""Noise levels of the denoising steps, and the two formulas that go with them (rectified flow)."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def levels(steps: int, shift: float = 1.0) -> list[float]:
    """`steps` noise levels in 0..1, from pure noise down, none of them 0; `shift` > 1 keeps them high for longer."""
    if steps < 1:
        raise ValueError(f"steps is {steps}: at least 1 is needed")
    even = [1 - k / steps for k in range(steps)]
    return [shift * s / (1 + (shift - 1) * s) for s in even]


def warped_timesteps(step_list: list[int], shift: float) -> list[float]:
    """The timesteps that published Wan students were distilled at: entries of the shifted 1000-step table, in fp32.

    Entry 1000 - s of the table for each s of `step_list` (Self Forcing's "warp").
    """
    sigma = torch.linspace(1, 0, 1001, dtype=torch.float32)[:-1]
    table = 1000 * (shift * sigma / (1 + (shift - 1) * sigma))
    table = torch.cat([table, torch.zeros(1)])
    return [float(table[1000 - step]) for step in step_list]


def clean_from(prediction: Tensor, noisy: Tensor, level: float, kind: str) -> Tensor:
    """The clean latent from a network's output: itself (`x0`), or noisy - level × velocity."""
    return prediction if kind == "x0" else noisy - level * prediction


def renoise(clean: Tensor, noise: Tensor, level: float) -> Tensor:
    """A clean latent at a noise level: (1 - level) clean + level noise."""
    return (1 - level) * clean + level * noise


def euler(noisy: Tensor, clean: Tensor, level: float, next_level: float) -> Tensor:
    """One step along the straight line from `noisy` to the `clean` latent it points at."""
    return clean + (noisy - clean) * (next_level / level)


def chunk_noise(seed: int, chunk: int, draw: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise that depends on nothing but its arguments: the same in a replay, on any device."""
    digest = hashlib.blake2b(f"{seed}:{chunk}:{draw}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
    return torch.randn(shape, generator=generator)
