"""The closed-form part of keyframes: codes of blocks and their linear synthesis, from principal components."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowbrush.models.blocks import BlockBook, CodeDecoder
from flowbrush.models.keyframes import Keyframes
from flowbrush.training.keyframe_data import KeyframeData

AT_ONCE = 8192  # blocks in one product


@torch.no_grad()
def fit(keyframes: Keyframes, data: KeyframeData) -> None:
    """Sets the scenes, and what things look like without convolutions, to the best that there is."""
    fit_things(keyframes.thing, keyframes.thing_codes, data.sprites)
    fit_scenes(keyframes.scene, data.scenes)
    keyframes.facts.copy_(data.facts)


@torch.no_grad()
def fit_things(decoder: CodeDecoder, codes: nn.Parameter, sprites: Tensor) -> None:
    """Every code has mean 0 and variance 1, so that all are learned at one rate."""
    channels, outputs, stride, _ = decoder.basis.shape
    parts = _blocks(sprites, stride)
    mean = parts.mean(0)
    axes, variance = _components(parts - mean, channels)
    scale = variance.clamp_min(1e-8).sqrt()
    decoder.mean.copy_(mean.view(outputs, stride, stride))
    decoder.basis.copy_((axes * scale).T.reshape(channels, outputs, stride, stride))
    n, _, rows, columns = codes.shape
    codes.copy_(((parts - mean) @ axes / scale).view(n, rows, columns, channels).permute(0, 3, 1, 2))


@torch.no_grad()
def fit_scenes(book: BlockBook, pictures: Sequence[Tensor]) -> None:
    """Plain codes are the first components of all blocks; fine ones those of what the blocks with most detail lack then."""
    plain, _, stride, _ = book.plain_basis.shape
    details, fine = book.fine.shape
    parts = torch.cat([_blocks(some, stride) for some in pictures])
    mean = parts.mean(0)
    parts = parts - mean
    axes, _ = _components(parts, plain)
    codes = parts @ axes
    lacking = parts - codes @ axes.T
    where = lacking.square().sum(1).topk(details).indices.sort().values
    fine_axes, _ = _components(lacking[where], fine)
    book.mean.copy_(mean.view(3, stride, stride))
    book.plain_basis.copy_(axes.T.reshape(plain, 3, stride, stride))
    book.fine_basis.copy_(fine_axes.T.reshape(fine, 3, stride, stride))
    book.where.copy_(where)
    book.fine.copy_(lacking[where] @ fine_axes)
    sizes = [own[:, 0].numel() for own in book.plain]
    for own, some in zip(book.plain, codes.split(sizes), strict=True):
        n, _, rows, columns = own.shape
        own.copy_(some.view(n, rows, columns, plain).permute(0, 3, 1, 2))


def _components(parts: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The first `count` principal axes of centred rows [N, D] as columns [D, count], and the variances along them."""
    spread = torch.zeros(parts.shape[1], parts.shape[1], device=parts.device)
    for some in parts.split(AT_ONCE):
        spread += some.T @ some
    variance, vectors = torch.linalg.eigh(spread / len(parts))
    return vectors.flip(1)[:, :count], variance.flip(0)[:count]


def _blocks(pictures: Tensor, stride: int) -> Tensor:
    """Blocks of uint8 pictures [n, C, H, W] as rows [n * h * w, C * stride²] in 0..1."""
    cells = (
        pictures.float().div(255).unfold(2, stride, stride).unfold(3, stride, stride)
    )  # [n, C, h, w, s, s]
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
