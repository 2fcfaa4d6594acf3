"""`flowbrush eval`: what the student adds, how well a model follows, whether it lives and lasts. On worlds never trained on.

Everything about pictures is printed for the student, for the student bypassed (the rigid reference alone) and for the truth.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from flowbrush.models.cards.registry import UnknownModel
from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.media.files import check_output, write_whole
from flowbrush.training.evaluation import lasting, streams, two_sample
from flowbrush.training.evaluation.drags import DragClips
from flowbrush.training.evaluation.live import LiveClips
from flowbrush.training.evaluation.prompts import ALONE, LASTING, OPEN, PAIRS, THINGS, UNLIKE, VERBS
from flowbrush.training.evaluation.teacher_comparison import TeacherComparison, load_teacher
from flowbrush.training.world.living import LivingWorld
from flowbrush.training.world.sprites import MissingFont, SpriteBook

CHUNK = 4  # frames that pocket makes at a time
PARTS = (
    "live",
    "twosample",
    "alone",
    "lasting",
    "paths",
    "late",
    "verbs",
    "pairs",
    "endless",
    "drags",
    "teacher",
)

DRAGGED = 12
"""Things that the part drags drags: each takes about half a minute of one core."""

WANTS_TEACHER = "give --teacher CHECKPOINT, which `flowbrush train teacher` saves (RUN/teacher/checkpoint.pt)"


def parse_seeds(text: str) -> range:
    """ "A:B" → range(A, B). Raises ValueError."""
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal()) or int(first) >= int(last):
        raise ValueError(f"seeds {text!r}: expected A:B with A < B, such as 0:50")
    return range(int(first), int(last))


def parse_marks(text: str) -> list[int]:
    """Frames with commas between them, each brought down to the end of a chunk. Raises ValueError."""
    marks = text.split(",")
    if not all(mark.isdecimal() and int(mark) >= CHUNK for mark in marks):
        raise ValueError(
            f"marks {text!r}: expected frames from {CHUNK} on with commas between them, such as 100,500"
        )
    return [int(mark) // CHUNK * CHUNK for mark in marks]


class Evaluation:
    """Each part returns its figures as JSON."""

    def __init__(
        self,
        generator: Generator,
        seeds: range,
        marks: Sequence[int],
        sheet: Path | None = None,
        teacher: Path | None = None,
    ) -> None:
        if not isinstance(generator.model, PocketModel):
            raise ValueError(
                f"{generator.card.name} makes no layers: this evaluation is for models of pocket's family"
            )
        self.generator, self.seeds, self.marks, self.sheet = generator, seeds, marks, sheet
        self.model, self.size = generator.model, (generator.card.width, generator.card.height)
        self.teacher_network = load_teacher(teacher, generator.card.student) if teacher else None

    def live(self) -> dict[str, dict[str, float]]:
        """Clips made again from their references, on the pixels that live."""
        clips = LiveClips(self.model, self.generator.card.steps, self.size)
        rows = []
        for count, seed in enumerate(self.seeds, 1):
            shown = clips.clip(seed)
            if self.sheet is not None and count <= 4:
                rows += [kind[1::4] for kind in shown]
            progress(f"live: clip {count} of {len(self.seeds)}")
        if self.sheet is not None:
            from flowbrush.training.sheets import write_sheet

            write_sheet(self.sheet, rows)
        return clips.report()

    def alone(self) -> dict[str, float]:
        """Motion energy of prompts that nobody touches, against the world's for the same thing at rest in the same scene."""
        world, shares = LivingWorld(*self.size), []
        for seed, (prompt, name, scene) in enumerate(ALONE):
            made = streams.prompt_alone(self.generator, prompt, seed)
            shares.append(made / streams.world_energy(world, name, scene, streams.ALONE_FRAMES))
            progress(f"alone: prompt {seed + 1} of {len(ALONE)}")
        inside = float(np.mean([0.5 <= share <= 2 for share in shares]))
        return {
            "median_of_world": float(np.median(shares)),
            "between_half_and_twice": inside,
            "still": float(np.mean([s < 0.05 for s in shares])),
        }

    def twosample(self) -> dict[str, dict[str, float]]:
        """Whether a small classifier tells the student, or the student bypassed, from the truth; and truth from truth."""
        test = two_sample.TwoSample(self.model, self.generator.card.steps, self.size, progress)
        return {kind: asdict(verdict) for kind, verdict in test.verdicts().items()}

    def lasting(self) -> dict[str, object]:
        """Whether things of prompts that nobody touches are still seen, and all still moves, after minutes."""
        prompts = [(ALONE.index(each), each[0], each[1]) for each in LASTING]
        last = lasting.MARK + streams.ALONE_FRAMES
        spells = lasting.lasting(
            self.generator,
            prompts,
            lasting.MARK,
            SpriteBook(streams.glyphs()),
            lambda frame: progress(f"lasting: frame {frame} of {last}"),
        )
        world = LivingWorld(*self.size)
        energies = [streams.world_energy(world, *each[1:], streams.ALONE_FRAMES) for each in LASTING]
        first, late = ([pair[place] for pair in spells] for place in (0, 1))
        return {
            "prompts": len(prompts),
            "frame": lasting.MARK,
            "first": lasting.figures(first, energies),
            "late": lasting.figures(late, energies),
        }

    def teacher(self) -> dict[str, dict[str, float]]:
        """The student of few steps compared with the teacher, on the same references."""
        assert self.teacher_network is not None
        clips = TeacherComparison(self.model, self.generator.card.steps, self.size, self.teacher_network)
        for count, seed in enumerate(self.seeds, 1):
            clips.clip(seed)
            progress(f"teacher: clip {count} of {len(self.seeds)}")
        return clips.report()

    def drags(self) -> dict[str, dict[str, float]]:
        """The same drags by the rigid reference, by a warp of the last picture, and by tracks alone."""
        book = SpriteBook(streams.glyphs())
        clips = DragClips(self.model, self.generator.card.steps, self.size, book)
        for seed, (name, scene) in enumerate(THINGS[:DRAGGED]):
            clips.clip(name, scene, seed)
            progress(f"drags: {seed + 1} of {DRAGGED}")
        return clips.report()

    def paths(self) -> dict[str, float]:
        """Things on paths that start with the prompt."""
        return self._followed(late=False)

    def late(self) -> dict[str, float]:
        """Things taken in mid-stream."""
        return self._followed(late=True)

    def _followed(self, late: bool) -> dict[str, float]:
        book, seen = SpriteBook(streams.glyphs()), []
        for seed, (name, scene) in enumerate(THINGS):
            seen.append(streams.follow(self.generator, name, scene, seed, late, book))
            progress(f"{'late' if late else 'paths'}: {seed + 1} of {len(THINGS)}")
        errors = [one.error_percent for one in seen if one.found]
        return {
            "found": float(np.mean([one.found for one in seen])),
            "error_percent": float(np.mean(errors)) if errors else float("nan"),
            "error_median_percent": float(np.median(errors)) if errors else float("nan"),
            "base_error_percent": float(np.mean([one.base_error_percent for one in seen])),
        }

    def verbs(self) -> dict[str, float]:
        """Whether things go where the prompt says, and whether those leave their place that are told to go and no way."""
        done = []
        for seed, (prompt, name, direction) in enumerate(VERBS):
            done.append(streams.verb_done(self.generator, prompt, name, direction, seed))
            progress(f"verbs: {seed + 1} of {len(VERBS) + len(OPEN)}")
        left = []
        for seed, (prompt, name) in enumerate(OPEN):
            left.append(streams.left_its_place(self.generator, prompt, name, seed))
            progress(f"verbs: {len(VERBS) + seed + 1} of {len(VERBS) + len(OPEN)}")
        return {
            "prompts": len(done), "right": float(np.mean(done)),
            "open_prompts": len(left), "left_their_place": float(np.mean(left)),
        }  # fmt: skip

    def pairs(self) -> dict[str, float]:
        """Whether each of two things does what is said of it, and nothing that is said of the other."""
        right = dict[str, list[bool]](went=[], stayed=[], unlike=[])
        for seed, pair in enumerate((*PAIRS, *UNLIKE)):
            done = streams.told_apart(self.generator, pair, seed)
            for (_, way), each in zip(pair.told, done, strict=True):
                kind = "unlike" if pair in UNLIKE else "went" if way else "stayed"
                right[kind].append(each)
            progress(f"pairs: {seed + 1} of {len(PAIRS) + len(UNLIKE)}")
        shares = {kind: float(np.mean(each)) for kind, each in right.items()}
        return {"prompts": len(PAIRS) + len(UNLIKE), **shares}

    def endless(self) -> dict[str, dict[str, float]]:
        """One thing dragged round and round, measured at the marks."""
        book = SpriteBook(streams.glyphs())
        laps = streams.endless(self.generator, "panda", "meadow", 5, self.marks, book)
        return {str(mark): asdict(lap) for mark, lap in zip(self.marks, laps, strict=True)}


def evaluate(evaluation: Evaluation, parts: Sequence[str]) -> dict[str, object]:
    """The figures of `parts`, and what they were measured on."""
    generator = evaluation.generator
    figures: dict[str, object] = {
        "model": generator.card.name,
        "steps": generator.card.steps,
        "seeds": [evaluation.seeds.start, evaluation.seeds.stop],
        "machine": f"{platform.machine()} {torch.get_num_threads()} threads, {generator.placement.dtype}",
    }
    for part in parts:
        figures[part] = getattr(evaluation, part)()
    return figures


def progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[2K{text}")
        sys.stderr.flush()


def arguments_of() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flowbrush eval", description=__doc__)
    parser.add_argument("--model", default="pocket")
    parser.add_argument(
        "--seeds", default="0:24", help="held-out worlds A:B of the parts live and teacher (default 0:24)"
    )
    parser.add_argument("--parts", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--marks", default="100,500,5000", help="frames at which the endless drag is measured"
    )
    parser.add_argument("--weights", type=Path, help="a weights file instead of the model's own")
    parser.add_argument(
        "--teacher", type=Path, metavar="CHECKPOINT", help="of the stage `teacher`, for the part teacher"
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--sheet", type=Path, help="a contact sheet of clips: bypassed, student, truth")
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = arguments_of()
    given = parser.parse_args(arguments)
    parts = (
        given.parts.split(",")
        if given.parts
        else [part for part in PARTS if part != "teacher" or given.teacher]
    )
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        parser.error(f"--parts: {', '.join(unknown)} unknown, expected some of {', '.join(PARTS)}")
    if given.teacher is None and "teacher" in parts:
        parser.error(f"--parts teacher: {WANTS_TEACHER}")
    if given.teacher is None and not given.parts:
        sys.stderr.write(f"teacher: left out; {WANTS_TEACHER}\n")
    try:
        marks, seeds = parse_marks(given.marks), parse_seeds(given.seeds)
        for out in filter(None, (given.json, given.sheet)):
            check_output(out)
        generator = Generator.load(given.model, seats=len(LASTING), weights=given.weights)
        evaluation = Evaluation(generator, seeds, marks, given.sheet, given.teacher)
        figures = evaluate(evaluation, parts)
    except (ValueError, UnknownModel, MissingFont) as error:
        sys.stderr.write(f"flowbrush eval: {error}\n")
        return 2
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if given.json:
        write_whole(given.json, text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
