"""A training recipe as checked values, read from a TOML file. Every mistake is named with what was
expected.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import card, for_codecs
from flowbrush.models.cards.spec import PocketCodecSpec, PocketTextSpec
from flowbrush.models.motion_channels import FRAMES
from flowbrush.training.tables import BadConfig, build, build_on, known, require, sub_table

STAGES = (
    "codec",
    "light",
    "text",
    "keyframes",
    "segmenter",
    "inpainter",
    "pool",
    "forcing",
    "rollout",
    "teacher",
    "distill",
    "export",
)


@dataclass(frozen=True)
class StageConfig:
    """How long a stage runs and how fast it learns.

    It ends after `steps` steps or `minutes` minutes, whichever comes first; 0 is no limit of that kind.
    `rate` is that of matrices; vectors learn at a tenth of it. The rate rises over the first `warmup`
    updates and falls over the last share `decay` of the run. `batch` is per process. `ema` is the decay of
    the moving average that is kept of the weights.
    """

    steps: int = 0
    minutes: float = 0.0
    batch: int = 16
    rate: float = 0.01
    warmup: int = 50
    decay: float = 0.5
    ema: float = 0.999

    def __post_init__(self) -> None:
        require(self.steps >= 0 and self.minutes >= 0, "steps and minutes must not be negative")
        require(self.batch >= 1, f"batch is {self.batch}: expected 1 or more")
        require(0 < self.rate < 1, f"rate is {self.rate}: expected more than 0 and less than 1")
        require(self.warmup >= 1, f"warmup is {self.warmup}: expected 1 or more")
        require(0 <= self.decay <= 1, f"decay is {self.decay}: expected 0..1")
        require(0 <= self.ema < 1, f"ema is {self.ema}: expected at least 0 and less than 1")


@dataclass(frozen=True)
class FitConfig:
    """`clips` clips of the living world give the components."""

    clips: int = 60

    def __post_init__(self) -> None:
        require(self.clips >= 1, f"clips is {self.clips}: expected 1 or more")


@dataclass(frozen=True)
class TextConfig(StageConfig):
    rate: float = 0.002
    batch: int = 48
    decay: float = 0.9


@dataclass(frozen=True)
class KeyframesConfig(StageConfig):
    batch: int = 8
    rate: float = 0.03
    decay: float = 0.7
    ema: float = 0.99


@dataclass(frozen=True)
class CutoutConfig(StageConfig):
    """Pictures with things pasted on them."""

    batch: int = 8
    decay: float = 0.6
    ema: float = 0.995


@dataclass(frozen=True)
class PoolConfig:
    """`shards` files of `clips` clips of `frames` frames, rendered by `workers` processes (0: one a core)."""

    shards: int = 20
    clips: int = 40
    frames: int = 48
    workers: int = 0

    def __post_init__(self) -> None:
        require(min(self.shards, self.clips) >= 1, "shards and clips must be 1 or more")
        require_latent_frames("frames", self.frames // FRAMES if self.frames % FRAMES == 0 else 0)
        require(self.workers >= 0, "workers must not be negative")


def require_latent_frames(name: str, count: int) -> None:
    require(count >= 2, f"{name} must be a multiple of {FRAMES} frames, {2 * FRAMES} or more")


@dataclass(frozen=True)
class ForcingConfig(StageConfig):
    """Stretches of `latent_frames` latent frames, `crop` (rows, columns) cells of each. A share `whole` of the steps sees
    whole pictures of one of the shapes instead, a quarter as many.
    """

    latent_frames: int = 6
    crop: tuple[int, ...] = (16, 20)
    whole: float = 0.25
    batch: int = 12
    decay: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        require_latent_frames("latent_frames", self.latent_frames)
        require(len(self.crop) == 2 and min(self.crop) > 0, f"crop is {self.crop}: expected [rows, columns]")
        require(0 <= self.whole <= 1, f"whole is {self.whole}: expected 0..1")


@dataclass(frozen=True)
class RolloutConfig(ForcingConfig):
    """Roll-outs on the student's own pasts, each latent frame in `levels` denoising steps."""

    levels: int = 2
    warmup: int = 20
    ema: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.levels >= 1, f"levels is {self.levels}: expected 1 or more")


@dataclass(frozen=True)
class TeacherConfig(ForcingConfig):
    """The teacher sees stretches of `latent_frames` whole."""


@dataclass(frozen=True)
class DistillConfig(ForcingConfig):
    """`objective` "matching" (distribution matching, with `critic_steps` updates of the critic at `critic_rate` to one of
    the student) or "consistency"; the student makes a latent frame in `levels` steps.
    """

    objective: str = "matching"
    rate: float = 0.001
    critic_rate: float = 0.002
    critic_steps: int = 3
    levels: int = 2
    batch: int = 4
    ema: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.objective in ("matching", "consistency"),
            f"objective is {self.objective!r}: expected 'matching' or 'consistency'",
        )
        require(
            0 < self.critic_rate < 1,
            f"critic_rate is {self.critic_rate}: expected more than 0 and less than 1",
        )
        require(min(self.critic_steps, self.levels) >= 1, "critic_steps and levels must be 1 or more")


@dataclass(frozen=True)
class Recipe:
    """A whole training: what is trained (`card`), from which world, and its stages in the order of
    `stages`.
    """

    name: str
    card: ModelCard
    codec: FitConfig
    text: TextConfig
    keyframes: KeyframesConfig
    segmenter: CutoutConfig
    inpainter: CutoutConfig
    light: FitConfig
    pool: PoolConfig
    forcing: ForcingConfig
    rollout: RolloutConfig
    teacher: TeacherConfig
    distill: DistillConfig
    stages: tuple[str, ...] = STAGES
    seed: int = 0
    core_share: float = 0.85
    loaders: int = 0  # processes that draw batches; 0: the training itself does
    save_minutes: float = 5.0
    sheet_minutes: float = 15.0

    def check_end(self, stage: str) -> None:
        """Raises BadConfig where nothing ends a stage that learns."""
        config = getattr(self, stage, None)
        endless = isinstance(config, StageConfig) and not (config.steps or config.minutes)
        require(not endless, f"[{stage}] give `steps` or `minutes`: the stage would never end")

    def __post_init__(self) -> None:
        wrong = [stage for stage in self.stages if stage not in STAGES]
        require(not wrong, f"stages: {', '.join(wrong)} unknown, expected some of {', '.join(STAGES)}")
        for stage in self.stages:
            self.check_end(stage)
        require(0 <= self.core_share <= 1, f"core_share is {self.core_share}: expected 0..1")
        require(self.loaders >= 0, "loaders must not be negative")
        require(
            self.save_minutes > 0 and self.sheet_minutes > 0,
            "save_minutes and sheet_minutes must be more than 0",
        )
        longest = max(part.latent_frames for part in (self.forcing, self.rollout, self.teacher, self.distill))
        require(
            longest * FRAMES <= self.pool.frames,
            f"a stage wants {longest * FRAMES} frames, but clips have {self.pool.frames}: "
            "raise pool.frames or lower the stage's latent_frames",
        )


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file. Raises BadConfig."""
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadConfig(f"{path} cannot be read ({error.strerror}): see training/configs") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(f"{path} is not TOML: {error}") from error
    try:
        return parse_recipe(table, path.stem)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from error


def parse_recipe(table: dict[str, Any], name: str) -> Recipe:
    """The recipe of a parsed table. Raises BadConfig."""
    values = dict(table)
    values.setdefault("name", name)
    values["card"] = _card(sub_table(values, "model"))
    for stage, kind in get_type_hints(Recipe).items():
        if stage in STAGES:
            values[stage] = build(kind, sub_table(values, stage), f"{stage}.")
    return build(Recipe, values, "")


def _card(table: dict[str, Any]) -> ModelCard:
    """The pocket model, with the sizes that the recipe gives it."""
    base = card("pocket")
    assert isinstance(base.codec, PocketCodecSpec) and isinstance(base.text, PocketTextSpec)
    student = build_on(base.student, sub_table(table, "student"), "model.student.")
    codec = build_on(base.codec, sub_table(table, "codec"), "model.codec.")
    text = build_on(base.text, sub_table(table, "text"), "model.text.")
    light = build_on(base.pocket_light, sub_table(table, "light"), "model.light.")
    keyframes = build_on(base.keyframes_spec, sub_table(table, "keyframes"), "model.keyframes.")
    segmenter = build_on(base.pocket_segmenter, sub_table(table, "segmenter"), "model.segmenter.")
    inpainter = build_on(base.pocket_inpainter, sub_table(table, "inpainter"), "model.inpainter.")
    known(table, set(), "model.")
    student = for_codecs(replace(student, text_dim=text.dim), codec, light)
    whole = replace(base, student=student, codec=codec, text=text)
    return replace(whole, light=light, keyframes=keyframes, segmenter=segmenter, inpainter=inpainter)
