"""Openings and changes of a caption as latents on disk, beside the clips of the pool."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from training.pool import to_model_range
from training.world.clip import World
from training.world.openings import change, opening

CHANGES = 0.35  # of the pictures show what a new caption changes
SEED = 7_000_000  # apart from those of the clips


@dataclass
class Start:
    """`after` [C, h, w] bf16 is what the caption asks for, `before` the picture it changes, if any."""

    caption: str
    after: Tensor
    before: Tensor | None


def build_openings(
    folder: Path,
    codec: PocketCodec,
    shards: int,
    pictures: int,
    seed: int,
    worker: int = 0,
    workers: int = 1,
    make_world: Callable[[], World] = World,
) -> None:
    """Renders the files of openings that are missing; worker k of n takes every n-th."""
    folder.mkdir(parents=True, exist_ok=True)
    world = None
    for shard in range(worker, shards, workers):
        path = folder / f"openings_{shard:04d}.pt"
        if path.exists():
            continue
        world = world or make_world()
        made = [_start(world, codec, np.random.default_rng([SEED, seed + shard, i])) for i in range(pictures)]
        temporary = path.with_suffix(".part")
        torch.save(made, temporary)
        os.replace(temporary, path)


def _start(world: World, codec: PocketCodec, rng: np.random.Generator) -> Start:
    drawn = change(world, rng) if rng.random() < CHANGES else opening(world, rng)
    before = None if drawn.before is None else _latent(codec, drawn.before)
    return Start(drawn.caption, _latent(codec, drawn.after), before)


def _latent(codec: PocketCodec, picture: Tensor) -> Tensor:
    return codec.still(to_model_range(picture)[None])[0].to(torch.bfloat16)


class OpeningPool:
    """Draws openings and changes from the files in memory."""

    def __init__(self, folder: Path) -> None:
        self.openings: list[Start] = []
        self.changes: list[Start] = []
        for path in sorted(folder.glob("openings_*.pt")):
            for start in torch.load(path, weights_only=False):  # our own file, made by build_openings
                (self.openings if start.before is None else self.changes).append(start)
