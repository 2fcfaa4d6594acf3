"""The closed-form part of keyframes: codes and the linear synthesis of blocks, from principal components."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.keyframes import CodeDecoder, Keyframes
from training.keyframe_data import KeyframeData

AT_ONCE = 8192  # blocks in one product


@torch.no_grad()
def fit(keyframes: Keyframes, data: KeyframeData) -> None:
    """Sets codes and linear synthesis to the best there are without convolutions, and the facts of the scenes."""
    _fit(keyframes.thing, [keyframes.thing_codes], [data.sprites])
    _fit(keyframes.scene, list(keyframes.scene_codes), data.scenes)
    keyframes.facts.copy_(data.facts)


def _fit(decoder: CodeDecoder, codes: Sequence[nn.Parameter], pictures: Sequence[Tensor]) -> None:
    """Every code has mean 0 and variance 1, so that all are learned at one rate."""
    channels, outputs, stride, _ = decoder.basis.shape
    parts = [_blocks(some, stride) for some in pictures]
    count = sum(len(part) for part in parts)
    mean = torch.stack([part.sum(0) for part in parts]).sum(0) / count
    spread = torch.zeros(len(mean), len(mean), device=mean.device)
    for part in parts:
        for some in part.split(AT_ONCE):
            spread += (some - mean).T @ (some - mean)
    variance, vectors = torch.linalg.eigh(spread / count)
    scale = variance.flip(0)[:channels].clamp_min(1e-8).sqrt()
    axes = vectors.flip(1)[:, :channels]  # [values of a block, channels]
    decoder.mean.copy_(mean.view(outputs, stride, stride))
    decoder.basis.copy_((axes * scale).T.reshape(channels, outputs, stride, stride))
    for own, part in zip(codes, parts, strict=True):
        n, _, rows, columns = own.shape
        own.copy_(((part - mean) @ axes / scale).view(n, rows, columns, channels).permute(0, 3, 1, 2))


def _blocks(pictures: Tensor, stride: int) -> Tensor:
    """Blocks of uint8 pictures [n, C, H, W] as rows [n * h * w, C * stride²] in 0..1."""
    cells = (
        pictures.float().div(255).unfold(2, stride, stride).unfold(3, stride, stride)
    )  # [n, C, h, w, s, s]
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
