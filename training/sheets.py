"""Contact sheets: what a model makes, next to what truly was. Sampled as a stream samples."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from flowbrush.models.transformer import CausalTransformer
from flowbrush.training.playback import clip_frames
from flowbrush.training.pool import reference_of
from flowbrush.training.world.living import LivingClip, LivingWorld

if TYPE_CHECKING:
    from flowbrush.training.stages.base import Context

CLIPS = 3
LENGTH = 24  # frames of a clip
EDGE = 160  # width of a picture on the sheet
SEED = 9_000  # worlds of sheets are never trained on


@cache
def sheet_clips() -> list[LivingClip]:
    """The same few clips for every sheet."""
    world = LivingWorld()
    return [world.make(np.random.default_rng(SEED + index), LENGTH) for index in range(CLIPS)]


def student_sheet(path: Path, student: torch.nn.Module, context: Context) -> None:
    """Three rows a clip: the rigid reference (the student bypassed), the student's, and the truth."""
    assert isinstance(student, CausalTransformer)
    codecs = context.codec.cpu(), context.light.cpu()
    steps, rows = context.recipe.rollout.levels, []
    student = student.cpu()
    for clip in sheet_clips():
        bypassed = reference_of(clip).frames.flatten(0, 1)
        made = clip_frames(student, codecs, context.text.cpu(), clip, steps)
        rows += [thin(bypassed), thin(made), thin(clip.frames.float() / 255)]
    write_sheet(path, rows)
    context.codec.to(context.device), context.light.to(context.device), context.text.to(context.device)


def thin(frames: Tensor) -> Tensor:
    """Every second frame: a gait shows, and the sheet stays narrow."""
    return frames[1::2]


def write_sheet(path: Path, rows: Sequence[Tensor]) -> None:
    """Rows of pictures [n, 3, H, W] in 0..1 as one PNG, which appears whole or not at all."""
    widest = max(len(row) for row in rows)
    height, width = rows[0].shape[-2:]
    small = (EDGE, round(EDGE * height / width))
    sheet = Image.new("RGB", (widest * small[0], len(rows) * small[1]))
    for line, row in enumerate(rows):
        for column, picture in enumerate(row):
            pixels = picture.clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
            image = Image.fromarray(pixels).resize(small, Image.Resampling.LANCZOS)
            sheet.paste(image, (column * small[0], line * small[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    sheet.save(temporary, "PNG")
    os.replace(temporary, path)
