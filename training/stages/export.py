"""The stage `export`: the weights file that is served, and its model card."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from flowbrush.models.pocket import PocketModel, save_pocket
from flowbrush.pipelines.media.files import write_whole
from flowbrush.training.config import STAGES, Recipe
from flowbrush.training.run import MissingStage, Run
from flowbrush.training.stages.base import STUDENTS, Context
from flowbrush.training.world import lexicon

UNCOUNTED = ("codec", "light", "pool", "export")  # stages that take no steps

CARD = """# {name}

A small causal video student of a world that lives: hands and camera move layers rigidly, the student says how they bend,
where they go by themselves, and what light is new. Made by `python -m flowbrush.training all` with the recipe below; no
weights were downloaded.

## What it is
{parameters}. {sizes} pixels, {frames} frames a chunk, sink {sink}, window {window}; latents of {channels} channels (flows of
things and of the ground, drive, light). Its keyframes know {objects} things, {core} of them well ({examples}, …), in
{scenes} scenes: {scene_names}.

## Data
The living world of `training/world`: colour glyphs of the Noto Color Emoji font (SIL Open Font Licence 1.1) on procedural
scenes, and photos where the run has any (their authors and licences are in the folder's attribution list); {clips} clips of
{clip_frames} frames. Neither the font nor pictures are part of the weights.

## Recipe
Weights are the moving average after the stage `{last}`. Stages run: {lineage}.

| stage | steps | minutes | batch |
|---|---|---|---|
{stages}

Weights were written on {machine}.
{figures}
## Limits
It draws only its own world from words, and guesses at others. On photos it moves what it finds, or what a person paints; it makes
nothing up beyond that. It has no notion of people and should not be used to judge anything.

## Licence
Apache-2.0.
"""


def export(context: Context, out: Path | None = None) -> Path:
    """Writes the weights file and its card. Returns the file's path. Raises MissingStage."""
    recipe, run = context.recipe, context.run
    student, last = context.student(STUDENTS)
    if context.keyframes is None:
        raise MissingStage(f"there are no keyframes in {run.folder}: run the stage `keyframes` first")
    parts = (
        student,
        context.codec,
        context.light,
        context.text,
        context.keyframes,
        context.segmenter,
        context.inpainter,
    )
    model = PocketModel(*(part and part.cpu().eval() for part in parts))  # type: ignore[arg-type]
    path = out or run.folder / f"{recipe.card.name}.safetensors"
    rows = stage_rows(recipe, run)
    metadata: dict[str, object] = {
        "name": recipe.card.name,
        "recipe": recipe.name,
        "stage": last,
        "seed": recipe.seed,
        "licence": "Apache-2.0",
        "student": asdict(recipe.card.student),
        "codec": asdict(recipe.card.codec),
        "text": asdict(recipe.card.text),
        "stages": rows,
    }
    save_pocket(path, model, metadata)
    write_whole(path.with_name("MODEL_CARD.md"), card_text(recipe, run, model, last, rows))
    return path


def stage_rows(recipe: Recipe, run: Run) -> list[dict[str, Any]]:
    """What each trained stage took."""
    rows = []
    for stage in [name for name in STAGES if name not in UNCOUNTED]:
        if run.has(stage):
            state = run.load(stage)
            batch = getattr(recipe, stage).batch
            rows.append(
                {
                    "stage": stage,
                    "steps": state["step"],
                    "minutes": round(state["elapsed"] / 60, 1),
                    "batch": batch,
                }
            )
    return rows


def card_text(recipe: Recipe, run: Run, model: PocketModel, last: str, rows: list[dict[str, Any]]) -> str:
    """The model card in Markdown. An `evaluation.json` of `flowbrush eval` in the run's folder becomes a
    table.
    """
    spec, pool = recipe.card.student, recipe.pool
    counts = {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in model.parts.items()}
    return CARD.format(
        name=recipe.card.title,
        parameters=", ".join(f"{name} {size:.2f} M parameters" for name, size in counts.items()),
        sizes=", ".join(f"{width}x{height}" for width, height in recipe.card.sizes),
        frames=recipe.card.chunk_frames,
        sink=spec.sink,
        window=spec.window,
        channels=spec.latent_channels,
        objects=len(lexicon.CORE) + len(lexicon.EXTRA),
        core=len(lexicon.CORE),
        examples=", ".join(noun.name for noun in lexicon.CORE[:6]),
        scenes=len(lexicon.SCENES),
        scene_names=", ".join(lexicon.SCENES),
        clips=pool.shards * pool.clips,
        clip_frames=pool.frames,
        last=last,
        lineage=", ".join(row["stage"] for row in rows),
        stages="\n".join(f"| {r['stage']} | {r['steps']} | {r['minutes']:g} | {r['batch']} |" for r in rows),
        machine=f"{platform.machine()}, PyTorch {torch.__version__}",
        figures=_figures(run.folder / "evaluation.json"),
    )


def _figures(path: Path) -> str:
    if not path.is_file():
        return ""
    live = json.loads(path.read_text()).get("live")
    if not live:
        return ""
    names = list(live["student"])
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {kind} | {' | '.join(f'{live[kind][n]:.4g}' for n in names)} |"
        for kind in ("student", "bypassed", "truth")
    ]
    return (
        "\n## Figures\n`flowbrush eval`, pixels that live, on clips never trained on.\n\n"
        + "\n".join(lines)
        + "\n"
    )
