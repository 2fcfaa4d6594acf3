"""Video in: what a chunk starts from when the client's own video is followed (StreamDiffusion's and StreamDiffusion V2's use).

The source is encoded and given noise of the level 1 - strength; the student makes the few steps that are below that level. So a
strength of 1 shows the source itself, through the codec, and 0 is a stream without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.schedule import NoiseStep
from flowbrush.pipelines.conditions.drag import Guide, mixed
from flowbrush.pipelines.families.base import Taken
from flowbrush.pipelines.requests import SourceClip


def frames_tensor(clip: SourceClip, device: torch.device) -> Tensor:
    """Its frames [1, 3, F, H, W] in -1..1."""
    pixels = torch.from_numpy(np.ascontiguousarray(clip.frames)).to(device)
    return pixels.permute(3, 0, 1, 2)[None].float().div(127.5).sub(1)


def check_clip(clip: SourceClip | None, frames: int, size: tuple[int, int]) -> None:
    """Raises ValueError for a clip that is not of `frames` frames of `size` (W, H), or whose strength is not in 0..1."""
    if clip is None:
        return
    expected = (frames, size[1], size[0], 3)
    if clip.frames.shape != expected or clip.frames.dtype != np.uint8:
        given = f"{clip.frames.dtype} {list(clip.frames.shape)}"
        raise ValueError(f"a source's clip must be uint8 {list(expected)}, not {given}")
    if not 0 <= clip.strength <= 1:
        raise ValueError(f"a source's strength is in 0..1, not {clip.strength}")


def steps_below(steps: Sequence[NoiseStep], level: float) -> list[NoiseStep]:
    """The steps from noise of `level` on: one at that level itself, then those of `steps` below it; none from level 0."""
    if level <= 0:
        return []
    return [NoiseStep(1000 * level, level), *(step for step in steps if step.level < level)]


@dataclass(frozen=True)
class Beginning:
    """Where a chunk of streams of one kind begins: latents `start` [B, C, T, h, w] or none, the steps from there, and the guide."""

    start: Tensor | None
    steps: list[NoiseStep]
    guide: Guide | None


def beginning(taken: Sequence[Taken], steps: list[NoiseStep], guide: Guide | None, joint: bool) -> Beginning:
    """All of `taken` follow sources at one level of noise, or none does; `joint` says that chunks are denoised together."""
    given = [each.start for each in taken if each.start is not None]
    if not given:
        return Beginning(None, steps, guide)
    start, strength = torch.stack(given), taken[0].strength
    if joint:
        return Beginning(None, steps, as_guide(start, strength, guide, len(steps)))
    return Beginning(held(start, guide), steps_below(steps, 1 - strength), guide)


def held(start: Tensor, guide: Guide | None) -> Tensor:
    """`start` [B, C, T, h, w] with what hands hold put over it where they have it now."""
    return start if guide is None else mixed(start, guide.reference, guide.mask)


def as_guide(start: Tensor, strength: float, guide: Guide | None, steps: int) -> Guide:
    """A source for students that denoise several chunks together: the chunk that comes out next is pulled to it by its
    strength, and wholly to what hands hold.
    """
    mask = start.new_full((len(start), 1, *start.shape[2:]), strength)
    if guide is not None:
        mask = torch.maximum(mask, guide.mask)
    return Guide(held(start, guide), mask, steps)
