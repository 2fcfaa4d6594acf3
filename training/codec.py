"""The components of pocket's codec: of pieces of photos and of clips of the living world, in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from flowbrush.models.cards.spec import PocketCodecSpec
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.training.parallel import spread
from flowbrush.training.pool import draw_size
from flowbrush.training.world.living import LivingWorld

PHOTO_SHARE = 0.3  # of the weight: more buys photos little and costs the living world
PIECES = 14  # pieces of each photo, each of PIECE pixels (height, width) in four frames
PIECE = (160, 256)
STILL_SHARE = 0.4  # of the pieces; the others slide, up to SLIDE pixels a frame
SLIDE = 5.0
BLOCKS = 400  # of a piece


def blocks_of(frames: Tensor, spec: PocketCodecSpec) -> Tensor:
    """Frames [F, 3, H, W] in -1..1 as blocks [N, 3 * frames * stride^2]."""
    s, f = spec.stride, spec.frames
    count, _, height, width = frames.shape
    x = frames.view(count // f, f, 3, height // s, s, width // s, s).permute(0, 3, 5, 1, 2, 4, 6)
    return x.reshape(-1, 3 * f * s * s)


def fit_components(
    spec: PocketCodecSpec, clips: int, photos: Path, seed: int, workers: int = 1
) -> PocketCodec:
    """The first principal components of blocks of `clips` living clips and of the pictures in the folder `photos`, where there are
    any. Half of a clip's blocks are taken where things change.
    """
    lively = np.concatenate(spread(lambda index: _clip_blocks(spec, seed, index), clips, workers))
    shares = [(torch.from_numpy(lively), 1.0)]
    files = sorted(path for path in photos.glob("*") if path.suffix in (".jpg", ".png", ".webp"))
    if files:
        pieces = np.concatenate(
            spread(lambda index: _photo_blocks(spec, files[index], seed + index), len(files), workers)
        )
        shares = [(shares[0][0], 1 - PHOTO_SHARE), (torch.from_numpy(pieces), PHOTO_SHARE)]
    mean = torch.stack([blocks.mean(0) * share for blocks, share in shares]).sum(0)
    covariance = torch.stack(
        [(blocks - mean).T @ (blocks - mean) * (share / len(blocks)) for blocks, share in shares]
    ).sum(0)
    values, vectors = torch.linalg.eigh(covariance.double())
    codec = PocketCodec(spec)
    codec.mean.copy_(mean)
    codec.basis.copy_(vectors.flip(1)[:, : spec.channels])
    deviation = values.flip(0)[: spec.channels].clamp_min(1e-8).sqrt().float()
    # Square root of the deviation: coarse components stay larger than fine ones, so noise takes them last.
    codec.scale.copy_(deviation.sqrt() / deviation.sqrt().log().mean().exp())
    return codec


def _clip_blocks(spec: PocketCodecSpec, seed: int, index: int) -> np.ndarray:
    rng = np.random.default_rng([seed, index])
    clip = LivingWorld(*draw_size(rng)).make(rng, 4 * spec.frames)
    blocks = blocks_of(clip.frames.float() / 127.5 - 1, spec)
    busy = torch.topk(blocks.var(1), len(blocks) // 6).indices.numpy()
    some = rng.choice(len(blocks), len(blocks) // 6, replace=False)
    return blocks[np.concatenate([busy, some])].numpy()


def _photo_blocks(spec: PocketCodecSpec, path: Path, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    parts = [_piece(picture, rng) for _ in range(PIECES)]
    blocks = [blocks_of(part, spec) for part in parts]
    return torch.cat([b[torch.from_numpy(rng.permutation(len(b))[:BLOCKS])] for b in blocks]).numpy()


def _piece(picture: Image.Image, rng: np.random.Generator) -> Tensor:
    """A piece of a photo at some size, still or sliding: [4, 3, *PIECE] in -1..1."""
    height, width = PIECE
    room = 3 * int(SLIDE) + 1
    scale = max((width + 2 * room) / picture.width, (height + 2 * room) / picture.height)
    scale = min(1.0, scale * float(rng.choice([1.0, 1.8, 3.0]))) if scale < 1 else scale
    small = np.asarray(
        picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
        )
    )
    slide = np.zeros(2) if rng.random() < STILL_SHARE else rng.uniform(-SLIDE, SLIDE, 2)
    y = int(rng.integers(room, small.shape[0] - height - room + 1))
    x = int(rng.integers(room, small.shape[1] - width - room + 1))
    offsets = (slide[:, None] * np.arange(4)).round().astype(int)
    frames = [small[y + dy : y + dy + height, x + dx : x + dx + width] for dy, dx in offsets.T]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1
