"""Components of the light that is new in a picture: splashes, flakes, bubbles, shadows. Closed form, like the picture's own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.cards.spec import PocketCodecSpec
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.training.parallel import spread
from flowbrush.training.pool import draw_size, light_of
from flowbrush.training.world.living import LivingWorld

LEAST = 1e-4  # mean square from which on a block has light to learn from


def blocks_of(light: Tensor, spec: PocketCodecSpec) -> Tensor:
    """Light [F, 3, H, W] as blocks [N, 3 * frames * stride^2], those with something in them."""
    s, f = spec.stride, spec.frames
    frames, _, height, width = light.shape
    x = light.view(frames // f, f, 3, height // s, s, width // s, s).permute(0, 3, 5, 1, 2, 4, 6)
    x = x.reshape(-1, 3 * f * s * s)
    return x[x.square().mean(1) > LEAST]


def fit_light(spec: PocketCodecSpec, clips: int, seed: int, workers: int = 1) -> PocketCodec:
    """The first principal components of the light in `clips` clips; no light is the zero latent."""

    def make(index: int) -> np.ndarray:
        rng = np.random.default_rng([seed, index])
        clip = LivingWorld(*draw_size(rng)).make(rng, 6 * spec.frames)
        blocks = blocks_of(light_of(clip), spec)
        return blocks[torch.randperm(len(blocks))[:4000]].numpy()

    blocks = torch.from_numpy(np.concatenate(spread(make, clips, workers)))
    values, vectors = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    codec = PocketCodec(spec)
    codec.basis.copy_(vectors.flip(1)[:, : spec.channels])
    deviation = values.flip(0)[: spec.channels].clamp_min(1e-8).sqrt()
    # Square root of the deviation: coarse components stay larger than fine ones, so noise takes them last.
    codec.scale.copy_(deviation.sqrt() * deviation.max().sqrt())
    return codec
