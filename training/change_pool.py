"""Pictures before and after a change of their caption, as latents on disk beside the clips of the pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from training.pool import missing, to_model_range
from training.run import write_whole
from training.world.clip import World
from training.world.openings import change

SEED = 7_000_000  # apart from those of the clips


@dataclass
class Changed:
    """`after` [C, h, w] bf16 is what the caption makes of `before`."""

    caption: str
    before: Tensor
    after: Tensor


def build_changes(
    folder: Path,
    codec: PocketCodec,
    shards: int,
    pictures: int,
    seed: int,
    worker: int = 0,
    workers: int = 1,
    make_world: Callable[[], World] = World,
) -> None:
    """Renders the files of changes that are missing; worker k of n takes every n-th."""
    world = None
    for shard, path in missing(folder, "changes", shards, worker, workers):
        world = world or make_world()
        made = [
            _changed(world, codec, np.random.default_rng([SEED, seed + shard, i])) for i in range(pictures)
        ]
        write_whole(path, made)


def _changed(world: World, codec: PocketCodec, rng: np.random.Generator) -> Changed:
    drawn = change(world, rng)
    before, after = codec.still(to_model_range(torch.stack([drawn.before, drawn.after]))).to(torch.bfloat16)
    return Changed(drawn.caption, before, after)


def load_changes(folder: Path) -> list[Changed]:
    """All changes of a pool."""
    paths = sorted(folder.glob("changes_*.pt"))
    return [one for path in paths for one in torch.load(path, weights_only=False)]  # our own files
