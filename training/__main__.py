"""python -m flowbrush.training STAGE --config FILE: makes pocket's weights, stage by stage or all at once."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

from flowbrush.models.device import choose
from flowbrush.training.config import STAGES, read_recipe
from flowbrush.training.distributed import join
from flowbrush.training.furniture.pool import build_furniture
from flowbrush.training.furniture.render import MissingTracer
from flowbrush.training.loop import Interrupted, Limits, Outcome, train
from flowbrush.training.photos.packages import MissingPackage
from flowbrush.training.photos.pool import build_photos
from flowbrush.training.pool import StalePool
from flowbrush.training.progress import table
from flowbrush.training.run import MissingStage, Run
from flowbrush.training.stages.base import Context, Stage
from flowbrush.training.stages.codec import ensure_components
from flowbrush.training.stages.distill import DistillStage
from flowbrush.training.stages.export import export
from flowbrush.training.stages.forcing import ForcingStage
from flowbrush.training.stages.inpainter import InpainterStage
from flowbrush.training.stages.keyframes import KeyframesStage
from flowbrush.training.stages.light import ensure_light
from flowbrush.training.stages.pool import PoolFailed, Rendering
from flowbrush.training.stages.rollout import RolloutStage
from flowbrush.training.stages.segmenter import SegmenterStage
from flowbrush.training.stages.teacher import TeacherStage
from flowbrush.training.stages.text import TextStage
from flowbrush.training.tables import BadConfig
from flowbrush.training.world.sprites import FONT_VARIABLE, MissingFont

KINDS: dict[str, type[Stage]] = {
    kind.name: kind
    for kind in (
        TextStage,
        KeyframesStage,
        SegmenterStage,
        InpainterStage,
        ForcingStage,
        RolloutStage,
        TeacherStage,
        DistillStage,
    )
}


FITTED = {"codec": ensure_components, "light": ensure_light}  # in closed form
ON_POOL = tuple(name for name, kind in KINDS.items() if kind.on_pool)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flowbrush train", description=__doc__)
    parser.add_argument("stage", choices=(*STAGES, "all"), help="one stage, or all that the recipe names")
    parser.add_argument(
        "--config", type=Path, required=True, help="the recipe, such as training/configs/pocket-cpu.toml"
    )
    parser.add_argument("--run", type=Path, help="folder of this training (default runs/NAME OF THE RECIPE)")
    parser.add_argument(
        "--minutes",
        type=float,
        help="end the stage so long after its beginning, instead of the recipe's limits",
    )
    parser.add_argument(
        "--steps", type=int, help="end the stage after so many steps, instead of the recipe's limits"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default auto)")
    parser.add_argument("--dtype", default="auto", help="auto, fp32 or bf16 (default auto)")
    parser.add_argument(
        "--out", type=Path, help="export: the weights file (default in the folder of the training)"
    )
    parser.add_argument(
        "--font",
        type=Path,
        help=f"the colour emoji font file, where none is installed (or set {FONT_VARIABLE})",
    )
    parser.add_argument(
        "--photos",
        action="store_true",
        help="pool: only gather the photos that are learned from, in the run's folder",
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last checkpoint (what happens anyway if there is one)",
    )
    mode.add_argument(
        "--fresh", action="store_true", help="throw away what the stage has made, and begin it again"
    )
    return parser


def main(given: list[str] | None = None) -> int:
    """Runs the command. Returns 0, or 2 for what the person can mend, or 130 after Ctrl-C."""
    asked = arguments().parse_args(given)
    try:
        return _run(asked)
    except (BadConfig, MissingStage, StalePool, PoolFailed, MissingFont, MissingPackage, ValueError) as error:
        sys.stderr.write(f"flowbrush train: {error}\n")
        return 2
    except Interrupted as error:
        sys.stderr.write(f"flowbrush train: {error}\n")
        return 130


def _run(asked: argparse.Namespace) -> int:
    recipe = read_recipe(asked.config)
    _check(asked)
    if asked.font:
        os.environ[FONT_VARIABLE] = str(asked.font)
    placement = choose(asked.device, asked.dtype)
    workers = join(placement.device)
    try:
        run = Run(asked.run or Path("runs") / recipe.name, writes=workers.first)
        context = Context(recipe, run, workers, placement.dtype)
        stages = recipe.stages if asked.stage == "all" else (asked.stage,)
        if asked.fresh:
            for stage in stages:
                run.forget(stage)
        if asked.photos and workers.first:
            gather_photos(run.folder / "photos")
        workers.wait()
        if asked.photos:
            return 0
        outcomes = _all(context, asked) if asked.stage == "all" else [_one(context, asked.stage, asked)]
    finally:
        workers.close()
    if workers.first:
        rows = [(o.stage, o.steps, o.seconds, o.numbers) for o in outcomes]
        sys.stdout.write(table(rows) + "\n")
    return 0


def gather_photos(folder: Path) -> None:
    """Fills `folder` with photos and views of furniture, and says how many. Raises MissingPackage where there are no photos."""
    counts = build_photos(folder)
    try:
        counts["furniture"] = build_furniture(folder)
    except (MissingPackage, MissingTracer) as error:
        sys.stderr.write(f"furniture: left out: {error}\n")
    said = ", ".join(f"{part} {count}" for part, count in counts.items())
    sys.stdout.write(f"photos in {folder}: {said}\n")


def _check(asked: argparse.Namespace) -> None:
    if asked.photos and asked.stage != "pool":
        raise ValueError(f"--photos is for the stage `pool`, not for `{asked.stage}`")
    if asked.stage in ("all", "pool", "export", *FITTED) and (
        asked.steps is not None or asked.minutes is not None
    ):
        raise ValueError(
            f"--steps and --minutes are for one stage that learns, not for `{asked.stage}`: see the recipe"
        )
    if asked.out and asked.stage not in ("all", "export"):
        raise ValueError("--out is for the stage `export`")
    for name in ("steps", "minutes"):
        value = getattr(asked, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"--{name} is {value}: expected a number of more than 0")
    if asked.resume and asked.run and not asked.run.is_dir():
        raise ValueError(f"--resume: {asked.run} is not there")


def _one(context: Context, stage: str, asked: argparse.Namespace) -> Outcome:
    if stage in FITTED:
        FITTED[stage](context)
        return Outcome(stage, 0, 0.0, {})
    if stage == "pool":
        rendering = Rendering(context)
        return Outcome("pool", context.recipe.pool.shards, rendering.wait(), {})
    if stage == "export":
        if context.workers.first:
            sys.stderr.write(f"wrote {export(context, asked.out)}\n")
        return Outcome("export", 0, 0.0, {})
    kind = KINDS[stage]
    if asked.steps is None and asked.minutes is None:
        context.recipe.check_end(stage)
    return train(context, kind, Limits.of(getattr(context.recipe, stage), asked.steps, asked.minutes))


def _all(context: Context, asked: argparse.Namespace) -> list[Outcome]:
    """All stages in the recipe's order. The pool is rendered concurrently with the stages that do not need it."""
    outcomes: list[Outcome] = []
    rendering: Rendering | None = None
    try:
        if "pool" in context.recipe.stages:
            ensure_components(context)
            ensure_light(context)
            rendering = Rendering(context)
        for stage in context.recipe.stages:
            if stage == "pool":
                continue
            if rendering and stage in ON_POOL:
                outcomes.append(Outcome("pool", context.recipe.pool.shards, rendering.wait(), {}))
                rendering = None
            outcomes.append(_one(context, stage, asked))
        if rendering:
            outcomes.append(Outcome("pool", context.recipe.pool.shards, rendering.wait(), {}))
            rendering = None
    finally:
        if rendering:
            rendering.stop()
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
