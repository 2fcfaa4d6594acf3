"""A teacher beside the student that came of it, on worlds that neither has seen.

Both continue the same clips from the first latent frame, along the same tracks; what they make is decoded and compared with the
decoded true latents, so that the codec counts for neither.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.pocket import PocketModel
from pipelines.picture_tools import PictureTools
from training.config import read_recipe, teacher_spec
from training.data import Source, track_sampler
from training.distributed import Workers, generator
from training.evaluation import progress
from training.forcing import Batch
from training.measure import psnr
from training.pool import Pool, build_shard
from training.run import Run
from training.sheets import continue_clips, write_sheet
from training.stages.base import Context
from training.stages.codec import make_world
from training.teacher import Guided

TOGETHER = 4  # clips in a batch; the first batch is on the sheet


def teacher_of(recipe: Path, run: Path | None, workers: Workers, dtype: torch.dtype) -> Context:
    """The training that made a teacher, in the folder `run` (runs/NAME OF THE RECIPE where None). Raises BadConfig."""
    read = read_recipe(recipe)
    return Context(read, Run(run or Path("runs") / read.name, writes=False), workers, dtype)


@torch.no_grad()
def compare(
    context: Context, model: PocketModel, levels: int, steps: int, clips: int, seed: int, sheet: Path | None
) -> dict[str, object]:
    """Mean PSNR of the teacher of `context` in `steps` denoising steps, with and without guidance, and of the student of `model` in
    `levels`, over `clips` clips that `seed` draws.

    Raises MissingStage where there is no teacher, ValueError where the two work on different latents.
    """
    teacher = context.trained(teacher_spec(context.recipe), "teacher", "teacher").eval()
    if not torch.equal(context.codec.basis, model.codec.basis.to(context.codec.basis)):
        raise ValueError(
            f"the teacher in {context.run.folder} and the model have different codecs: they cannot be compared"
        )
    tools = PictureTools(model.cutter, model.inpainter)
    own, batch = context.recipe.distill, _unseen(context, clips, seed)
    found: dict[str, list[float]] = {}
    shown: list[Tensor] = []
    for first in range(0, clips, TOGETHER):
        torch.manual_seed(first)
        part = _part(batch, first, min(first + TOGETHER, clips))
        told = replace(part, text=model.text(part.captions).to(part.text))
        guided, plain = (
            Guided.of(teacher, context.codec, part, context.text([""]), *weights).sample(steps)
            for weights in ((own.text_weight, own.motion_weight), (1.0, 1.0))
        )
        made = {
            "teacher": plain,
            "teacher, guided": guided,
            "student": continue_clips(model.student, model.codec, tools, levels, told, part.latents[:, :, 0]),
        }
        for name, latents in made.items():
            found.setdefault(name, []).extend(_decibels(model.codec, latents, part.latents))
        if first == 0:
            shown = [part.latents, *made.values()]
        progress(f"beside the teacher: clip {min(first + TOGETHER, clips)} of {clips}")
    if sheet is not None:
        clips_shown = range(len(shown[0]))
        write_sheet(
            sheet, [model.codec.end_frame(v[clip].transpose(0, 1)) for clip in clips_shown for v in shown]
        )
    return {
        "clips": clips,
        "frames": context.recipe.teacher.frames,
        "teacher_steps": steps,
        "student_steps": levels,
        "psnr_db": {name: round(float(np.mean(values)), 2) for name, values in found.items()},
    }


def _unseen(context: Context, clips: int, seed: int) -> Batch:
    """Held-out clips as a batch."""
    frames = context.recipe.teacher.frames
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard_0000.pt"
        build_shard(make_world(context), context.codec, path, clips, frames, seed)
        card = context.recipe.card
        source = Source(
            Pool(Path(folder)), [], track_sampler(card.width, card.height), context.text, context.device
        )
    drawn = source.draw(generator(seed), clips, frames, blank=0.0, persistent=True)
    return source.batch(drawn)


def _decibels(codec: PocketCodec, made: Tensor, truth: Tensor) -> list[float]:
    """PSNR of every generated frame but those of the first latent frame."""
    values = []
    for one, other in zip(made, truth, strict=True):
        a, b = (codec.decode(x[None].float())[0][0].add(1).div(2).clamp(0, 1) for x in (one, other))
        values += [psnr(a[:, k], b[:, k]) for k in range(codec.spec.frames, a.shape[1])]
    return values


def _part(batch: Batch, first: int, last: int) -> Batch:
    count = batch.latents.shape[2]
    rows = torch.arange(first * count, last * count, device=batch.latents.device)
    return Batch(
        batch.latents[first:last],
        batch.text[first:last],
        batch.windows.at(rows),
        batch.begins[first:last],
        batch.captions[first:last],
    )
