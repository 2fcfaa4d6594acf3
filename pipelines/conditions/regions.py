"""Regional prompts: each token of a picture hears what is said of the thing that is there.

A student hears one prompt for the whole picture, and in "a tree and a car drives off" the tree may drive, too. Where words are
said of one of several things, its tokens attend to these alone, as in regional prompting for still pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from flowbrush.pipelines.conditions.controls import ChunkPlan


@dataclass(frozen=True)
class Regions:
    """Plans of one chunk that differ in their prompts, and which of them each token hears: `heard` [N], the student's tokens of a
    latent frame row by row.
    """

    plans: tuple[ChunkPlan, ...]
    heard: Tensor


def text_tokens(
    encode: Callable[[ChunkPlan], Tensor], streams: Sequence[tuple[ChunkPlan, Regions | None]]
) -> tuple[Tensor, Tensor | None]:
    """The text tokens of streams, all with regions or all without: [B, L, D], or [B, S, L, D] of S prompts each, and which of these
    each token hears [B, N].
    """
    split = [regions for _, regions in streams if regions is not None]
    if not split:
        return torch.stack([encode(plan) for plan, _ in streams]), None
    most = max(len(each.plans) for each in split)
    rows = [[encode(plan) for plan in each.plans] for each in split]
    filled = [torch.stack([*row, *row[:1] * (most - len(row))]) for row in rows]
    return torch.stack(filled), torch.stack([each.heard for each in split])


def by_token(words: Tensor, heard: Tensor) -> Tensor:
    """Keys or values [B * S, L, H, D] of S prompts a stream → those that each token hears [B, N, L, H, D]; `heard` [B, N] in
    0..S-1.
    """
    rows = torch.arange(len(heard), device=heard.device)[:, None]
    made: Tensor = words.unflatten(0, (len(heard), -1))[rows, heard]
    return made
