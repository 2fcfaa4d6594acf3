"""`python -m training.side_by_side --config RECIPE`: teacher and student of one training on worlds that neither has seen.

Both continue the same clips from the first latent frame, along the same tracks; what they make is decoded and compared with the
decoded true latents, so that the codec counts for neither.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.device import choose
from training.config import read_recipe, teacher_spec
from training.data import Source, track_sampler
from training.distributed import generator, join
from training.evaluate import HELD_OUT
from training.forcing import Batch
from training.measure import psnr
from training.pool import Pool, build_shard
from training.run import MissingStage, Run
from training.sheets import continue_clips, write_sheet
from training.stages.base import STUDENTS, Context
from training.stages.codec import make_world
from training.tables import BadConfig
from training.teacher import Guided

TOGETHER = 4  # clips in a batch
SHOWN = 4  # clips on the sheet


def unseen(context: Context, clips: int) -> Batch:
    """Held-out clips as a batch."""
    frames = context.recipe.teacher.frames
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard_0000.pt"
        build_shard(make_world(context), context.codec, path, clips, frames, HELD_OUT)
        card = context.recipe.card
        source = Source(
            Pool(Path(folder)), [], track_sampler(card.width, card.height), context.text, context.device
        )
    drawn = source.draw(generator(HELD_OUT), clips, frames, blank=0.0, persistent=True)
    return source.batch(drawn)


def decibels(context: Context, made: Tensor, truth: Tensor) -> list[float]:
    """PSNR of every generated frame but those of the first latent frame."""
    values = []
    for one, other in zip(made, truth, strict=True):
        a, b = (context.codec.decode(x[None].float())[0][0].add(1).div(2).clamp(0, 1) for x in (one, other))
        values += [psnr(a[:, k], b[:, k]) for k in range(context.codec.spec.frames, a.shape[1])]
    return values


@torch.no_grad()
def compare(context: Context, clips: int, steps: int, sheet: Path | None) -> dict[str, object]:
    """Mean PSNR of the teacher, with and without guidance, and of the student."""
    student, stage = context.student(STUDENTS)
    teacher = context.trained(teacher_spec(context.recipe), "teacher", "teacher")
    own, batch = context.recipe.distill, unseen(context, clips)
    found: dict[str, list[float]] = {}
    rows: list[Tensor] = []
    for first in range(0, clips, TOGETHER):
        torch.manual_seed(first)
        part = _part(batch, first, min(first + TOGETHER, clips))
        guided, plain = (
            Guided.of(teacher, context.codec, part, context.text([""]), *weights).sample(steps)
            for weights in ((own.text_weight, own.motion_weight), (1.0, 1.0))
        )
        made = {
            "teacher": plain,
            "teacher, guided": guided,
            "student": continue_clips(student, context, part, part.latents[:, :, 0]),
        }
        for name, latents in made.items():
            found.setdefault(name, []).extend(decibels(context, latents, part.latents))
        rows += [part.latents, *made.values()] if first < SHOWN else []
        sys.stderr.write(f"\r{min(first + TOGETHER, clips)} of {clips} clips   ")
    sys.stderr.write("\n")
    if sheet is not None:
        write_sheet(sheet, [context.codec.end_frame(row[0, :].transpose(0, 1)) for row in rows])
    return {
        "clips": clips,
        "frames": context.recipe.teacher.frames,
        "teacher_steps": steps,
        "student_steps": context.recipe.rollout.levels,
        "student_stage": stage,
        "psnr_db": {name: round(float(np.mean(values)), 2) for name, values in found.items()},
    }


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.side_by_side", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the recipe")
    parser.add_argument("--run", type=Path, help="folder of the training (default runs/NAME OF THE RECIPE)")
    parser.add_argument("--clips", type=int, default=24, help="held-out clips (default 24)")
    parser.add_argument("--steps", type=int, default=12, help="denoising steps of the teacher (default 12)")
    parser.add_argument(
        "--sheet", type=Path, help="write a contact sheet there: true, teacher, guided, student"
    )
    given = parser.parse_args(arguments)
    if min(given.clips, given.steps) < 1:
        parser.error("--clips and --steps must be 1 or more")
    try:
        recipe = read_recipe(given.config)
        placement = choose("auto", "auto")
        run = Run(given.run or Path("runs") / recipe.name)
        context = Context(recipe, run, join(placement.device), placement.dtype)
        figures = compare(context, given.clips, given.steps, given.sheet)
    except (BadConfig, MissingStage) as error:
        sys.stderr.write(f"side_by_side: {error}\n")
        return 2
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
