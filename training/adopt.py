"""`python -m training.adopt WEIGHTS RUN`: puts a weights file into a run's folder, so that later stages go on from it.

Its parts stand there afterwards as if the stages `codec`, `text`, `opener`, `cutter`, `inpainter` and `forcing` had made them in no
step.
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.checkpoint import BadWeights
from models.device import choose
from models.pocket import load_pocket
from models.registry import card
from training.run import Run
from training.stages.base import COMPONENTS

NO_STEP = {"step": 0, "elapsed": 0.0}


def adopt(weights: Path, run: Run) -> None:
    """Writes their checkpoints. Raises BadWeights."""
    model = load_pocket(card("pocket"), choose("cpu", "fp32"), path=weights)
    correction = dict(model.codec.correction.named_parameters())
    run.save(
        "codec",
        {
            "components": {name: getattr(model.codec, name) for name in COMPONENTS},
            "optimisers": {"correction": {"averages": correction}},
            **NO_STEP,
        },
    )
    run.save(
        "text", {"vocabulary": list(model.text.vocabulary), "encoder": model.text.state_dict(), **NO_STEP}
    )
    for stage, part in (
        ("opener", "opener"),
        ("cutter", "cutter"),
        ("inpainter", "inpainter"),
        ("forcing", "student"),
    ):
        module = model.parts.get(part)
        if module is not None:
            averages = {name: value.detach().float() for name, value in module.named_parameters()}
            run.save(stage, {"optimisers": {part: {"averages": averages}}, **NO_STEP})


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m training.adopt WEIGHTS RUN\n")
        return 2
    try:
        adopt(Path(arguments[0]), Run(Path(arguments[1])))
    except BadWeights as error:
        sys.stderr.write(f"training.adopt: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
