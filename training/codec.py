"""Trains pocket's codec: principal components in closed form, then the correcting decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec
from training.pool import to_model_range
from training.world.clip import World


def fit_components(spec: PocketCodecSpec, world: World, clips: int, seed: int) -> PocketCodec:
    """The first principal components of blocks of `clips` clips, with half of the blocks taken where things change."""
    blocks = torch.cat([_blocks(spec, world, np.random.default_rng([seed, index])) for index in range(clips)])
    mean = blocks.mean(0)
    centred = blocks - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(blocks))
    codec = PocketCodec(spec)
    codec.mean.copy_(mean)
    codec.basis.copy_(vectors.flip(1)[:, : spec.channels])
    deviation = values.flip(0)[: spec.channels].clamp_min(1e-8).sqrt()
    # The square root of the deviation: coarse components stay larger than fine ones, so noise takes the fine ones first.
    codec.scale.copy_(deviation.sqrt() * (deviation.sqrt().log().mean()).exp())
    return codec


def _blocks(spec: PocketCodecSpec, world: World, rng: np.random.Generator) -> Tensor:
    clip = world.make(rng, 6 * spec.frames)
    assert clip.frames is not None
    pixels = to_model_range(clip.frames).transpose(0, 1)[None]
    s, f = spec.stride, spec.frames
    x = pixels.reshape(1, 3, 6, f, clip.frames.shape[2] // s, s, clip.frames.shape[3] // s, s)
    x = x.permute(0, 2, 4, 6, 3, 1, 5, 7).reshape(-1, 3 * f * s * s)
    busy = torch.topk(x.var(1), len(x) // 8).indices
    some = torch.from_numpy(rng.choice(len(x), len(x) // 8, replace=False))
    return x[torch.cat([busy, some])]


def save_components(codec: PocketCodec, path: Path) -> None:
    """Writes the codec's tensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(codec.state_dict(), path)
