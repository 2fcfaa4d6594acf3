"""The two-sample test: can a small network tell clips of a model from clips of the world?

A classifier that is right about half of the time has found no difference (Lopez-Paz and Oquab, arXiv 1610.06545). It learns on
some worlds and is judged on others. Both sides show the same worlds, at the same times, in the same crops and in 8 bits, and no
clip has a stream's first second: only how things look and move can tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.pocket import PocketModel
from flowbrush.training.evaluation.live import KINDS, made_again, noise_of
from flowbrush.training.world.living import LivingWorld

LEARN, JUDGE = 64, 48  # worlds that are learned from, and judged on
SEEDS = 920_000_000  # of these worlds: no training and no other part of the evaluation has them
SKIPPED, KEPT = (
    16,
    16,
)  # frames of a stream that are left out, and frames after them from which clips are taken
LENGTH = 8  # frames of a clip
CROP = 64  # pixels: what the classifier sees at once; a clip is judged by the mean over such tiles
WIDTHS = (12, 24, 48)
CHANGES = 8.0  # times larger than colours: from one frame to the next they differ little
PAIRS = 16  # of a crop of either side in a step
STEPS = 160
RATE = 3e-3
CONFIDENT = 1.96  # standard deviations that hold 95 %


class Judge(nn.Module):
    """A classifier of clips [N, 3, LENGTH, H, W] in -1..1: 2+1-D convolutions over frames and their changes, the mean and the
    spread of what they see. 23,113 parameters. Returns logits [N], above 0 for the model's.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in zip((6, *WIDTHS), WIDTHS, strict=False):
            layers += [
                nn.Conv3d(before, width, (1, 3, 3), (1, 2, 2), (0, 1, 1)),
                nn.GroupNorm(4, width),
                nn.SiLU(),
            ]
            layers += [nn.Conv3d(width, width, (3, 1, 1), 1, (1, 0, 0)), nn.SiLU()]
        self.layers, self.head = nn.Sequential(*layers), nn.Linear(2 * WIDTHS[-1], 1)

    def forward(self, clips: Tensor) -> Tensor:
        changes = clips.diff(dim=2, prepend=clips[:, :, :1])
        seen = self.layers(torch.cat([clips, CHANGES * changes], 1)).flatten(2)
        made: Tensor = self.head(torch.cat([seen.mean(2), seen.std(2)], 1))[:, 0]
        return made


@dataclass(frozen=True)
class Verdict:
    """How many of `clips` were told right, as a share, and the 95 % interval of that share (Wilson)."""

    clips: int
    right: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: Sequence[bool]) -> Verdict:
        count, share = len(hits), float(np.mean(hits))
        spread = CONFIDENT**2 / count
        middle = (share + spread / 2) / (1 + spread)
        reach = CONFIDENT / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
        return cls(count, share, middle - reach, middle + reach)


def stretches(
    model: PocketModel,
    steps: int,
    world: LivingWorld,
    seeds: Sequence[Sequence[int]],
    tell: Callable[[], None],
) -> dict[str, Tensor]:
    """What streams of worlds show after SKIPPED frames, of each of KINDS: uint8 [N, KEPT, 3, H, W]."""
    shown: dict[str, list[Tensor]] = {kind: [] for kind in KINDS}
    for seed in seeds:
        clip = world.make(np.random.default_rng([SEEDS, *seed]), SKIPPED + KEPT)
        for kind, frames in zip(KINDS, made_again(model, steps, clip, seed[-1]), strict=True):
            shown[kind].append(as_shown(frames[SKIPPED:]))
        tell()
    return {kind: torch.stack(frames) for kind, frames in shown.items()}


def true_stretches(world: LivingWorld, seeds: Sequence[Sequence[int]]) -> Tensor:
    """The truth of worlds as in `stretches`."""
    clips = (world.make(np.random.default_rng([SEEDS, *seed]), SKIPPED + KEPT) for seed in seeds)
    return torch.stack([clip.frames[SKIPPED:] for clip in clips])


def as_shown(frames: Tensor) -> Tensor:
    """Frames in 0..1 as bytes."""
    return frames.mul(255).round().clamp(0, 255).to(torch.uint8)


def taught(
    real: Tensor, made: Tensor, steps: int = STEPS, tell: Callable[[int], None] = lambda step: None
) -> Judge:
    """A judge that has learned from stretches uint8 [N, F, 3, H, W]; the same for the same stretches."""
    rng = np.random.default_rng([SEEDS, 7])
    with noise_of(SEEDS):
        judge = Judge()
    optimiser = torch.optim.AdamW(judge.parameters(), RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    for step in range(steps):
        clips = torch.cat(list(_pairs(rng, real, made)))
        sides = torch.arange(len(clips)) % 2
        loss = F.binary_cross_entropy_with_logits(judge(_input(clips)), sides.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        tell(step + 1)
    return judge.eval()


def _pairs(rng: np.random.Generator, real: Tensor, made: Tensor) -> Iterator[Tensor]:
    """Crops of both sides [2, LENGTH, 3, CROP, CROP]: the same world, time and place, mirrored or not."""
    frames, _, height, width = real.shape[1:]
    for _ in range(PAIRS):
        world, begin = int(rng.integers(len(real))), int(rng.integers(frames - LENGTH + 1))
        y, x = int(rng.integers(height - CROP + 1)), int(rng.integers(width - CROP + 1))
        cut = (world, slice(begin, begin + LENGTH), slice(None), slice(y, y + CROP), slice(x, x + CROP))
        pair = torch.stack([real[cut], made[cut]])
        yield pair.flip(-1) if rng.random() < 0.5 else pair


def _input(clips: Tensor) -> Tensor:
    """uint8 [N, F, 3, H, W] as a judge sees it."""
    return clips.transpose(1, 2).float() / 127.5 - 1


@torch.no_grad()
def judged(judge: Judge, real: Tensor, made: Tensor) -> Verdict:
    """One clip of every stretch, at a random time that is the same for both sides."""
    rng, hits = np.random.default_rng([SEEDS, 8]), []
    for side in zip(real, made, strict=True):
        begin = int(rng.integers(len(side[0]) - LENGTH + 1))
        for stretch, is_made in zip(side, (False, True), strict=True):
            logit = float(judge(_input(_tiles(stretch[begin : begin + LENGTH]))).mean())
            hits.append((logit > 0) == is_made)
    return Verdict.of(hits)


def _tiles(clip: Tensor) -> Tensor:
    """A clip [F, 3, H, W] in whole tiles [N, F, 3, CROP, CROP]."""
    tiles = clip.unfold(2, CROP, CROP).unfold(3, CROP, CROP)  # [F, 3, rows, columns, CROP, CROP]
    return tiles.permute(2, 3, 0, 1, 4, 5).flatten(0, 1)


class TwoSample:
    """The test of a model: its student, and the student bypassed, each against the truth of the same worlds; and the truth against
    that of as many other worlds, which no judge can tell.
    """

    def __init__(
        self, model: PocketModel, steps: int, size: tuple[int, int], tell: Callable[[str], None]
    ) -> None:
        self.model, self.steps, self.world, self.tell = model, steps, LivingWorld(*size), tell

    def verdicts(self) -> dict[str, Verdict]:
        """By kind: "student", "bypassed" and "truth"."""
        lessons, cases = (self._sides(group, count) for group, count in enumerate((LEARN, JUDGE)))
        return {kind: self._verdict(kind, lessons, cases) for kind in ("student", "bypassed", "truth")}

    def _sides(self, group: int, count: int) -> dict[str, Tensor]:
        """Stretches of worlds by each of KINDS, and "other", the truth of other worlds. No two groups have a world in common."""
        done = iter(range(1, count + 1))
        shown = stretches(
            self.model,
            self.steps,
            self.world,
            [(2 * group, seed) for seed in range(count)],
            lambda: self.tell(
                f"twosample: {'learn' if group == 0 else 'judge'} from world {next(done)} of {count}"
            ),
        )
        others = [(2 * group + 1, seed) for seed in range(count)]
        return {**shown, "other": true_stretches(self.world, others)}

    def _verdict(self, kind: str, lessons: dict[str, Tensor], cases: dict[str, Tensor]) -> Verdict:
        side = "other" if kind == "truth" else kind
        judge = taught(
            lessons["truth"],
            lessons[side],
            tell=lambda step: self.tell(f"twosample: {kind}, classifier's step {step} of {STEPS}"),
        )
        return judged(judge, cases["truth"], cases[side])
