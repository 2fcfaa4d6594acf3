"""`flowbrush eval`: how well a model follows, what it looks like, whether it lasts. On worlds never trained on.

Continuations of clips and drags without end; and where a recipe is given, the teacher of its training beside the model's student.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from models.pocket import PocketModel
from models.registry import UnknownModel
from pipelines.generator import Generator
from training.distributed import join
from training.evaluation import HELD_OUT, Evaluation, Tally, progress
from training.run import MissingStage
from training.side_by_side import compare, teacher_of
from training.world.sprites import MissingFont


def parse_seeds(text: str) -> range:
    """ "A:B" → range(A, B). Raises ValueError."""
    first, _, last = text.partition(":")
    if not (first.isdigit() and last.isdigit()) or int(first) >= int(last):
        raise ValueError(f"seeds {text!r}: expected A:B with A < B, such as 0:50")
    return range(int(first), int(last))


@dataclass(frozen=True)
class BesideTeacher:
    """A teacher to be compared with: its `recipe`, the folder `run` of that training, in how many `steps` it denoises, and where a
    contact sheet goes: true, teacher, guided, student.
    """

    recipe: Path
    run: Path | None = None
    steps: int = 12
    sheet: Path | None = None


def evaluate(
    generator: Generator,
    seeds: range,
    endless: int,
    marks: list[int],
    teacher: BesideTeacher | None = None,
) -> dict[str, object]:
    """All figures of a model. `endless` is how many worlds of `seeds` run on to the last of `marks`.

    Raises BadConfig, MissingStage or ValueError where there is no such teacher.
    """
    beside = None if teacher is None else _beside(generator, teacher, seeds)
    evaluation, tally = Evaluation(generator), Tally()
    for seed in seeds:
        evaluation.continuation(seed, tally)
        progress(f"continuation: world {seed - seeds.start + 1} of {len(seeds)}")
    width = generator.card.width
    figures: dict[str, object] = {
        "model": generator.card.name,
        "steps": generator.card.steps,
        "drag": generator.card.drag,
        "seeds": [seeds.start, seeds.stop],
        "machine": f"{platform.machine()} {torch.get_num_threads()} threads, {generator.placement.dtype}",
        "continuation": tally.report(width),
    }
    if endless:
        laps = evaluation.endless(list(seeds)[:endless], marks)
        figures["endless"] = {str(mark): result.report(width) for mark, result in laps.items()}
    if beside is not None:
        figures["teacher"] = beside
    return figures


def _beside(generator: Generator, teacher: BesideTeacher, seeds: range) -> dict[str, object]:
    if not isinstance(generator.model, PocketModel):
        raise ValueError(
            f"{generator.card.name} was not trained by a recipe of this project: it has no teacher here"
        )
    context = teacher_of(
        teacher.recipe, teacher.run, join(generator.placement.device), generator.placement.dtype
    )
    seed, levels = HELD_OUT + 2 + seeds.start, generator.card.steps
    return compare(context, generator.model, levels, teacher.steps, len(seeds), seed, teacher.sheet)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="flowbrush eval", description=__doc__)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--seeds", default="0:32", help="held-out worlds A:B (default 0:32)")
    parser.add_argument(
        "--endless", type=int, default=4, help="worlds that run on to the last mark (default 4; 0 for none)"
    )
    parser.add_argument(
        "--marks", default="100,500,5000", help="frames at which the endless drag is measured"
    )
    parser.add_argument("--weights", type=Path, help="a weights file instead of the model's own")
    parser.add_argument(
        "--drag", default="auto", choices=("auto", "warp"),
        help="warp: drag without training, even where tracks were trained",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument(
        "--teacher", type=Path, metavar="RECIPE", help="compare with the teacher of that training, too"
    )
    parser.add_argument("--run", type=Path, help="folder of that training (default runs/NAME OF THE RECIPE)")
    parser.add_argument(
        "--teacher-steps", type=int, default=12, help="denoising steps of the teacher (default 12)"
    )
    parser.add_argument("--sheet", type=Path, help="a contact sheet of that: true, teacher, guided, student")
    given = parser.parse_args(arguments)
    if not given.teacher and (given.run or given.sheet):
        parser.error("--run and --sheet belong to --teacher")
    if given.teacher_steps < 1:
        parser.error("--teacher-steps must be 1 or more")
    try:
        seeds = parse_seeds(given.seeds)
        marks = [int(mark) for mark in given.marks.split(",")]
        endless = min(given.endless, len(seeds))
        generator = Generator.load(given.model, seats=max(1, endless), weights=given.weights, drag=given.drag)
        teacher = (
            BesideTeacher(given.teacher, given.run, given.teacher_steps, given.sheet)
            if given.teacher
            else None
        )
        figures = evaluate(generator, seeds, endless, marks, teacher)
    except (ValueError, UnknownModel, MissingFont, MissingStage) as error:
        sys.stderr.write(f"flowbrush eval: {error}\n")
        return 2
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if given.json:
        given.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
