"""Trains pocket's codec: principal components in closed form, then the correcting decoder.

What the decoder sees in a stream is no fresh picture: what a hand holds was cut out of a picture that had been coded, and stands
somewhere else on the grid of blocks. Half of the crops are therefore coded once before, on a grid of their own.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec
from training.parallel import spread
from training.pool import to_model_range
from training.world.clip import World


def fit_components(
    spec: PocketCodecSpec, world: World, clips: int, seed: int, workers: int = 1
) -> PocketCodec:
    """The first principal components of blocks of `clips` clips, with half of the blocks taken where
    things change.
    """
    parts = spread(
        lambda index: _blocks(spec, world, np.random.default_rng([seed, index])).numpy(), clips, workers
    )
    blocks = torch.from_numpy(np.concatenate(parts))
    mean = blocks.mean(0)
    centred = blocks - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(blocks))
    codec = PocketCodec(spec)
    codec.mean.copy_(mean)
    codec.basis.copy_(vectors.flip(1)[:, : spec.channels])
    deviation = values.flip(0)[: spec.channels].clamp_min(1e-8).sqrt()
    # Square root of the deviation: coarse components stay larger than fine ones, so noise takes them last.
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


class FrameCrops:
    """Crops of rendered clips: (frames [B, 3, 8, edge...] in -1..1), the first four being the past of the
    others.
    """

    def __init__(self, world: World, clips: int, seed: int, workers: int = 1) -> None:
        def make(index: int) -> np.ndarray:
            frames = world.make(np.random.default_rng([seed, index]), 24).frames
            assert frames is not None
            return frames.numpy()

        self.clips = [torch.from_numpy(frames) for frames in spread(make, clips, workers)]

    def draw(self, rng: np.random.Generator, batch: int, height: int, width: int, stride: int) -> Tensor:
        rows = []
        for _ in range(batch):
            clip = self.clips[int(rng.integers(len(self.clips)))]  # [F, 3, H, W]
            start = 4 * int(rng.integers(0, len(clip) // 4 - 1))
            y = stride * int(rng.integers(0, (clip.shape[2] - height) // stride + 1))
            x = stride * int(rng.integers(0, (clip.shape[3] - width) // stride + 1))
            rows.append(clip[start : start + 8, :, y : y + height, x : x + width].transpose(0, 1))
        return to_model_range(torch.stack(rows))


def recoded(
    codec: PocketCodec, frames: Tensor, rng: np.random.Generator, share: float = 0.5
) -> tuple[Tensor, Tensor]:
    """What is shown to the codec, and the truth: frames [B, 3, F, H, W] in -1..1 without one block of their height and width, at a
    random place. A `share` of the shown ones went through the codec as still pictures before, on another grid.
    """
    stride, (height, width) = codec.spec.stride, frames.shape[-2:]
    coded = codec.picture(codec.still(frames.transpose(1, 2).flatten(0, 1)))  # [B F, 3, H, W]
    coded = coded.unflatten(0, (len(frames), -1)).transpose(1, 2)
    shown, truth = [], []
    for clip, once in zip(frames, coded, strict=True):
        y, x = (int(offset) for offset in rng.integers(0, stride, 2))
        place = (..., slice(y, y + height - stride), slice(x, x + width - stride))
        truth.append(clip[place])
        shown.append(once[place] if rng.random() < share else clip[place])
    return torch.stack(shown), torch.stack(truth)


def correction_loss(codec: PocketCodec, frames: Tensor, rng: np.random.Generator) -> tuple[Tensor, float]:
    """Absolute error of pictures and of their edges, and the PSNR in dB. Latents are roughened, as a
    student's are.
    """
    with torch.no_grad():
        shown, truth = recoded(codec, frames, rng)
        latents = codec.analyse(shown)  # [B, C, 2, h, w]
        rough = torch.from_numpy(rng.random((len(frames), 1, 1, 1, 1)) ** 3 * 0.25).float().to(frames.device)
        latents = latents + rough * torch.randn_like(latents)
    decoded, _ = codec.decode(latents[:, :, 1:], latents[:, :, 0])
    error = decoded - truth[:, :, 4:]
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    psnr = -10 * float(torch.log10(error.detach().clamp(-2, 2).square().mean() / 4))
    return error.abs().mean() + 0.5 * edges + error.square().mean(), psnr
