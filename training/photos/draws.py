"""Random numbers, light and blur for batches of pictures [B, C, H, W] in 0..1, from a torch generator."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

Rng = torch.Generator
SWAPPED = 0.15  # share of the pictures whose colours are exchanged


def chance(rng: Rng, count: int) -> Tensor:
    return torch.rand(count, generator=rng)


def uniform(rng: Rng, count: int, low: float, high: float) -> Tensor:
    return torch.rand(count, generator=rng) * (high - low) + low


def normal(rng: Rng, count: int, deviation: float) -> Tensor:
    return torch.randn(count, generator=rng) * deviation


def relit(rng: Rng, pictures: Tensor) -> Tensor:
    """Under another light: a gain for each colour, a contrast, and now and then colours exchanged."""
    count = len(pictures)
    gain = 1 + normal(rng, count * 3, 0.1).view(count, 3, 1, 1)
    power = torch.exp(normal(rng, count, 0.25)).view(count, 1, 1, 1)
    out = (pictures.clamp(1e-4, 1) ** power * gain).clamp(0, 1)
    for one in (chance(rng, count) < SWAPPED).nonzero()[:, 0].tolist():
        out[one] = out[one, torch.randperm(3, generator=rng)]
    return out


def some_blurred(rng: Rng, pictures: Tensor, shares: Tensor, sigmas: tuple[float, float]) -> Tensor:
    """Each picture with its probability in `shares` [B] under a Gaussian of some standard deviation in `sigmas` (pixels)."""
    out = pictures.clone()
    for one in (chance(rng, len(pictures)) < shares).nonzero()[:, 0].tolist():
        out[one] = blurred(pictures[one : one + 1], float(uniform(rng, 1, *sigmas)))[0]
    return out


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Under a Gaussian of `sigma` pixels."""
    reach = max(1, math.ceil(2.5 * sigma))
    taps = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * sigma**2))
    taps = taps / taps.sum()
    channels = pictures.shape[1]
    padded = F.pad(pictures, (reach,) * 4, "replicate")
    across = F.conv2d(padded, taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
