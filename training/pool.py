"""A pool of rendered clips on disk: latents, captions and facts, made as needed and never kept in the
repository.

Rendering costs as much as training on it, so clips are rendered once and drawn many times. A shard is one
file; shards may go on being added while a training runs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.track_encoder import PACKED
from training.run import write_whole
from training.world.clip import World, WorldObject


@dataclass
class Sample:
    """One clip of the pool: `latents` [C, T, h, w] bf16, `camera` [F, 2, 3]."""

    latents: Tensor
    caption: str
    scene: str
    objects: list[WorldObject]
    camera: np.ndarray


def to_model_range(frames: Tensor) -> Tensor:
    """uint8 0..255 → float -1..1."""
    return frames.float().div(127.5).sub(1)


def build_shard(world: World, codec: PocketCodec, path: Path, clips: int, frames: int, seed: int) -> None:
    """Renders `clips` clips of `frames` frames into one shard."""
    samples = []
    for index in range(clips):
        clip = world.make(np.random.default_rng([seed, index]), frames)
        assert clip.frames is not None
        pixels = to_model_range(clip.frames).transpose(0, 1)[None]  # [1, 3, F, H, W]
        latents = codec.encode(pixels)[0].to(torch.bfloat16)
        samples.append(
            Sample(latents, clip.caption, clip.scene, clip.objects, clip.camera.astype(np.float32))
        )
    write_whole(path, samples)


def missing(
    folder: Path, kind: str, files: int, worker: int = 0, workers: int = 1
) -> Iterator[tuple[int, Path]]:
    """The files of one kind, of `files`, that are not there yet; for worker k of n every n-th."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(worker, files, workers):
        path = folder / f"{kind}_{number:04d}.pt"
        if not path.exists():
            yield number, path


def build_pool(
    folder: Path,
    codec: PocketCodec,
    shards: int,
    clips: int,
    frames: int,
    seed: int,
    worker: int = 0,
    workers: int = 1,
    make_world: Callable[[], World] = World,
) -> None:
    """Renders the shards that are missing; worker k of n takes every n-th."""
    world = None
    for shard, path in missing(folder, "shard", shards, worker, workers):
        world = world or make_world()
        start = time.monotonic()
        build_shard(world, codec, path, clips, frames, seed + shard)
        print(f"{path.name}: {clips} clips in {time.monotonic() - start:.0f} s", flush=True)  # noqa: T201


def pool_files(folder: Path) -> int:
    """How many files of clips and of changes are there."""
    return sum(1 for kind in ("shard", "changes") for _ in folder.glob(f"{kind}_*.pt"))


class StalePool(RuntimeError):
    """A pool that was made with another codec."""


def mark_pool(folder: Path, basis: Tensor) -> None:
    """Marks the pool with the codec's `basis`. Raises StalePool where it carries another's mark."""
    mark = hashlib.sha256(basis.cpu().numpy().tobytes()).hexdigest()[:32]
    file = folder / "codec.txt"
    if file.is_file() and file.read_text() != mark:
        raise StalePool(f"{folder} was rendered with another codec: run the stage `pool` with --fresh")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(mark)


class Pool:
    """Draws random stretches of clips from the shards in memory; `refresh` takes up new ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: set[str] = set()
        self.samples: list[Sample] = []
        self.refresh()

    def refresh(self) -> int:
        """Loads shards that appeared since. Returns how many clips there are."""
        for path in sorted(self.folder.glob("shard_*.pt")):
            if path.name not in self.known:
                self.samples += torch.load(path, weights_only=False)  # our own file, made by build_shard
                self.known.add(path.name)
        return len(self.samples)

    def draw(self, rng: np.random.Generator, frames: int) -> Sample:
        """A stretch of `frames` frames (a multiple of the latent frame) of a random clip."""
        sample = self.samples[int(rng.integers(len(self.samples)))]
        total, wanted = sample.latents.shape[1], frames // PACKED
        start = int(rng.integers(0, total - wanted + 1))
        return cut(sample, start, wanted)


def cut(sample: Sample, start: int, count: int) -> Sample:
    """Latent frames `start` to `start + count` of a sample, facts and all."""
    span = slice(start * PACKED, (start + count) * PACKED)
    objects = [
        WorldObject(o.name, o.centre[span], o.size[span], o.angle[span], o.held[span]) for o in sample.objects
    ]
    camera = sample.camera[span]
    return Sample(sample.latents[:, start : start + count], sample.caption, sample.scene, objects, camera)
