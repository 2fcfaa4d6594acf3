"""A pool of rendered clips on disk: what the student must make, and what it sees, made once.

Making references costs as much as training on them, so every clip is rendered once and drawn many times. A shard is one file;
shards may go on being added while a training runs.
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

from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_channels import FRAMES
from flowbrush.models.motion_latent import Motion, pack
from flowbrush.pipelines.reference.maps import Reference, reference_maps
from flowbrush.training.composite import composite_frames
from flowbrush.training.run import write_whole
from flowbrush.training.world.living import LivingClip, LivingWorld

SIZES = ((320, 192), (192, 320), (256, 256))
SHARES = (0.6, 0.2, 0.2)  # of the sizes among the clips
CELLS = tuple((height // 8, width // 8) for width, height in SIZES)
KEPT = torch.float16


@dataclass
class Sample:
    """One clip: `latents` [T, C, h, w] that the student must make, `maps` [T, K, h, w] of its references."""

    caption: str
    latents: Tensor
    maps: Tensor


def by_latent_frame(frames: Tensor) -> Tensor:
    """[F, …] → [F / FRAMES, FRAMES, …]"""
    made: Tensor = frames.unflatten(0, (-1, FRAMES))
    return made


def light_of(clip: LivingClip) -> Tensor:
    """What the clip's light adds to its moving layers: [F, 3, H, W] in -1..1."""
    composite = composite_frames(
        clip.things_rgba.float() / 255, clip.ground.float() / 255, clip.thing_flow, clip.ground_flow
    )
    return clip.frames.float() / 255 - composite


def reference_of(clip: LivingClip) -> Reference:
    """The rigid references of all latent frames of a clip, as a batch."""
    things, ground = clip.things_rgba.float() / 255, clip.ground.float() / 255
    return Reference(
        by_latent_frame(things),
        by_latent_frame(ground),
        torch.ones(len(things) // FRAMES, 1, *things.shape[-2:]),
        by_latent_frame(clip.velocity),
        clip.held[:, None].float(),
    )


def motion_of(clip: LivingClip, light: PocketCodec) -> Motion:
    """What the student must make of a clip's references."""
    flows = by_latent_frame(clip.thing_flow), by_latent_frame(clip.ground_flow)
    coded = light.encode(light_of(clip).transpose(0, 1)[None])[0].transpose(0, 1)  # [T, L, h, w]
    return Motion(*flows, clip.drive, coded)


def sample_of(clip: LivingClip, codec: PocketCodec, light: PocketCodec) -> Sample:
    maps = reference_maps(codec, reference_of(clip))
    return Sample(clip.caption, pack(motion_of(clip, light)).to(KEPT), maps.to(KEPT))


def draw_size(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of the next clip."""
    return SIZES[int(rng.choice(len(SIZES), p=SHARES))]


def build_shard(
    make: Callable[[int, int], LivingWorld],
    codecs: tuple[PocketCodec, PocketCodec],
    path: Path,
    clips: int,
    frames: int,
    seed: int,
) -> None:
    """Renders `clips` clips of `frames` frames into one shard; `make` gives the world of a size, `codecs` are the picture's and
    the light's.
    """
    samples = []
    for index in range(clips):
        rng = np.random.default_rng([seed, index])
        clip = make(*draw_size(rng)).make(rng, frames)
        samples.append(sample_of(clip, *codecs))
    write_whole(path, samples)


def missing(folder: Path, files: int, worker: int = 0, workers: int = 1) -> Iterator[tuple[int, Path]]:
    """The shards, of `files`, that are not there yet; for worker k of n every n-th."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(worker, files, workers):
        path = folder / f"shard_{number:04d}.pt"
        if not path.exists():
            yield number, path


def build_pool(
    folder: Path,
    codecs: tuple[PocketCodec, PocketCodec],
    shards: int,
    clips: int,
    frames: int,
    seed: int,
    worker: int = 0,
    workers: int = 1,
    make: Callable[[int, int], LivingWorld] = LivingWorld,
) -> None:
    """Renders the shards that are missing; worker k of n takes every n-th."""
    worlds: dict[tuple[int, int], LivingWorld] = {}

    def world(width: int, height: int) -> LivingWorld:
        if (width, height) not in worlds:
            worlds[width, height] = make(width, height)
        return worlds[width, height]

    for shard, path in missing(folder, shards, worker, workers):
        start = time.monotonic()
        build_shard(world, codecs, path, clips, frames, seed + shard)
        print(f"{path.name}: {clips} clips in {time.monotonic() - start:.0f} s", flush=True)  # noqa: T201


def pool_files(folder: Path) -> int:
    """How many shards are there."""
    return sum(1 for _ in folder.glob("shard_*.pt"))


class StalePool(RuntimeError):
    """A pool that was made with other codecs."""


def mark_pool(folder: Path, *bases: Tensor) -> None:
    """Marks the pool with the codecs' bases. Raises StalePool where it carries others' mark."""
    digest = hashlib.sha256()
    for basis in bases:
        digest.update(basis.cpu().numpy().tobytes())
    mark, file = digest.hexdigest()[:32], folder / "codec.txt"
    if file.is_file() and file.read_text() != mark:
        raise StalePool(f"{folder} was rendered with another codec: run the stage `pool` with --fresh")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(mark)


class Pool:
    """The shards in memory; `refresh` takes up new ones."""

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
