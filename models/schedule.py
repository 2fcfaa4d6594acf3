"""Noise levels of the denoising steps, and the two formulas that go with them (rectified flow)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from flowbrush.models.cards.spec import RolloutSpec


def levels(steps: int, shift: float = 1.0) -> list[float]:
    """`steps` noise levels in 0..1, from pure noise down, none of them 0; `shift` > 1 keeps them high for
    longer.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: at least 1 is needed")
    even = [1 - k / steps for k in range(steps)]
    return [shift * s / (1 + (shift - 1) * s) for s in even]


@dataclass(frozen=True)
class NoiseStep:
    """One denoising step: the `timestep` that the student is told (0..1000) and the noise `level` (0..1) it
    stands for.
    """

    timestep: float
    level: float


def noise_steps(rollout: RolloutSpec, steps: int) -> list[NoiseStep]:
    """The steps of one chunk. Without a published list they are even; a number other than the list's spreads
    evenly.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: at least 1 is needed")
    if not rollout.step_list:
        return [NoiseStep(1000 * level, level) for level in levels(steps, rollout.shift)]
    return list(_published_steps(rollout, steps))


def level_table(shift: float) -> Tensor:
    """The 1000 noise levels, in fp32, that published Wan students were trained on; `shift` > 1 keeps them
    high for longer.
    """
    even = torch.linspace(1, 0, 1001, dtype=torch.float32)[:-1]
    return shift * even / (1 + (shift - 1) * even)


@cache
def _published_steps(rollout: RolloutSpec, steps: int) -> tuple[NoiseStep, ...]:
    listed = list(rollout.step_list)
    if steps != len(listed):
        listed = _spread(steps, listed[-1] == 0)
    elif not rollout.warp:
        return tuple(NoiseStep(float(step), nearest_level(step, rollout.shift)) for step in listed)
    times = warped_timesteps(listed, rollout.shift)
    return tuple(NoiseStep(t, t / 1000 if t else nearest_level(t, rollout.shift)) for t in times)


def _spread(steps: int, to_zero: bool) -> list[int]:
    """Evenly spread step numbers from 1000 on; the last is 0 where the published list ends in 0, and then they
    are cut to whole numbers as its publisher does.
    """
    if to_zero:
        return [int(step) for step in torch.linspace(1000, 0, steps).to(torch.long)]
    return [round(1000 * (1 - k / steps)) for k in range(steps)]


def warped_timesteps(step_list: list[int], shift: float) -> list[float]:
    """The timesteps that published Wan students were distilled at: entry 1000 - s of the table for each step
    s ("warp").
    """
    table = torch.cat([1000 * level_table(shift), torch.zeros(1)])
    return [float(table[1000 - step]) for step in step_list]


def nearest_level(timestep: float, shift: float) -> float:
    """The entry of the table that a timestep which is not one of its own stands for."""
    table = level_table(shift)
    return float(table[(1000 * table - timestep).abs().argmin()])


def clean_from(prediction: Tensor, noisy: Tensor, level: float | Tensor, kind: str) -> Tensor:
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
