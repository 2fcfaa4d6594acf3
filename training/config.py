"""A training recipe as checked values, read from a TOML file. Every mistake is named with what was
expected.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

from models.card import ModelCard
from models.registry import card
from models.spec import PocketCodecSpec, PocketTextSpec
from models.track_encoder import PACKED
from training.tables import BadConfig, build, build_on, known, require, sub_table

STAGES = (
    "codec",
    "pool",
    "text",
    "keyframes",
    "opener",
    "cutter",
    "inpainter",
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
class CodecConfig(StageConfig):
    """`fit_clips` clips give the components, crops (height, width) of `clips` clips train the correction."""

    fit_clips: int = 80
    clips: int = 140
    crop: tuple[int, ...] = (96, 160)
    batch: int = 8
    ema: float = 0.995

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.fit_clips >= 1 and self.clips >= 1, "fit_clips and clips must be 1 or more")
        require(len(self.crop) == 2 and min(self.crop) > 0, f"crop is {self.crop}: expected [height, width]")


@dataclass(frozen=True)
class TextConfig(StageConfig):
    rate: float = 0.002
    batch: int = 48
    decay: float = 0.9


@dataclass(frozen=True)
class OpenerConfig(StageConfig):
    batch: int = 96
    decay: float = 0.6
    ema: float = 0.995


@dataclass(frozen=True)
class KeyframesConfig(StageConfig):
    batch: int = 8
    rate: float = 0.03
    decay: float = 0.7
    ema: float = 0.99


@dataclass(frozen=True)
class CrowdConfig(StageConfig):
    """Crowds of things over pieces of `scenes` scenes."""

    scenes: int = 160
    batch: int = 16
    decay: float = 0.6
    ema: float = 0.995

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.scenes >= 1, f"scenes is {self.scenes}: expected 1 or more")


@dataclass(frozen=True)
class PoolConfig:
    """`shards` files of `clips` clips of `frames` frames, and `change_shards` of `pictures` changes, rendered by `workers`
    processes (0: one a core).
    """

    shards: int = 30
    clips: int = 80
    frames: int = 48
    change_shards: int = 24
    pictures: int = 700
    workers: int = 0

    def __post_init__(self) -> None:
        counts = (self.shards, self.clips, self.change_shards)
        require(min(counts) >= 1, "shards, clips and change_shards must be 1 or more")
        require(self.pictures >= 1, "pictures must be 1 or more")
        require(
            self.frames >= 2 * PACKED and self.frames % PACKED == 0,
            f"frames is {self.frames}: expected a multiple of {PACKED}, {2 * PACKED} or more",
        )
        require(self.workers >= 0, "workers must not be negative")

    @property
    def files(self) -> int:
        """All files of the pool."""
        return self.shards + self.change_shards


@dataclass(frozen=True)
class ForcingConfig(StageConfig):
    """Stretches of `frames` frames; a share `still` of them starts from a picture."""

    frames: int = 16
    still: float = 0.3
    decay: float = 0.0


@dataclass(frozen=True)
class RolloutConfig(StageConfig):
    """Roll-outs over clips of one of the lengths `frames`, each chunk in `levels` denoising steps.

    A share `long_share` of them is of one of the lengths `long_frames` with half the batch, and goes on for
    up to `hold` latent frames in which the world stands still. Every `roll_every`-th update rolls out, every `change_every`-th
    learns what a new caption changes, from `change_batch` pictures.
    """

    frames: tuple[int, ...] = (8, 12, 16, 20)
    long_frames: tuple[int, ...] = (32, 48)
    long_share: float = 0.15
    hold: int = 12
    levels: int = 2
    change_batch: int = 32
    change_every: int = 3
    roll_every: int = 1
    warmup: int = 20
    decay: float = 1.0
    ema: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.levels >= 1 and self.change_batch >= 2 and min(self.change_every, self.roll_every) >= 1,
            "levels, change_every and roll_every must be 1 or more, change_batch 2 or more",
        )
        require(
            min(self.change_every, self.roll_every) == 1,
            "change_every or roll_every must be 1, or some updates would learn nothing",
        )
        require(0 <= self.long_share <= 1, f"long_share is {self.long_share}: expected 0..1")
        require(self.hold >= 0, f"hold is {self.hold}: expected 0 or more")
        for name, lengths in (("frames", self.frames), ("long_frames", self.long_frames)):
            fit = bool(lengths) and all(n >= 2 * PACKED and n % PACKED == 0 for n in lengths)
            wanted = f"expected multiples of {PACKED}, {2 * PACKED} or more"
            require(fit, f"{name} is {list(lengths)}: {wanted}")


@dataclass(frozen=True)
class TeacherConfig(StageConfig):
    """Clips of `frames` frames seen whole. `mask` is the share of latent frames in which the tracks are
    hidden.
    """

    frames: int = 48
    mask: float = 0.2
    shift: float = 2.0
    network: dict[str, Any] = field(default_factory=dict)  # what differs from the student's shape


@dataclass(frozen=True)
class DistillConfig(StageConfig):
    """Distribution matching: `critic_steps` updates of the critic, at `critic_rate`, to one of the
    student.

    `text_weight` and `motion_weight` are the teacher's joint guidance; `change_batch` pictures a step keep
    what a new caption changes.
    """

    rate: float = 0.001
    critic_rate: float = 0.002
    critic_steps: int = 5
    levels: int = 2
    text_weight: float = 3.0
    motion_weight: float = 1.5
    change_batch: int = 16
    decay: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            0 < self.critic_rate < 1,
            f"critic_rate is {self.critic_rate}: expected more than 0 and less than 1",
        )
        require(
            self.critic_steps >= 1 and self.levels >= 1 and self.change_batch >= 2,
            "critic_steps and levels must be 1 or more, change_batch 2 or more",
        )
        require(
            min(self.text_weight, self.motion_weight) >= 0 < self.text_weight + self.motion_weight,
            "text_weight and motion_weight must not be negative, nor both 0",
        )


@dataclass(frozen=True)
class Recipe:
    """A whole training: what is trained (`card`), from which world, and its stages in the order of
    `stages`.
    """

    name: str
    card: ModelCard
    codec: CodecConfig
    text: TextConfig
    keyframes: KeyframesConfig
    opener: OpenerConfig
    cutter: CrowdConfig
    inpainter: CrowdConfig
    pool: PoolConfig
    forcing: ForcingConfig
    rollout: RolloutConfig
    teacher: TeacherConfig
    distill: DistillConfig
    stages: tuple[str, ...] = STAGES
    seed: int = 0
    core_share: float = 0.85
    loaders: int = 0  # processes that draw batches; 0: none beside the training itself
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
        longest = max(
            self.forcing.frames, self.teacher.frames, *self.rollout.frames, *self.rollout.long_frames
        )
        require(
            longest <= self.pool.frames,
            f"a stage wants {longest} frames, but clips have {self.pool.frames}: "
            "raise pool.frames or lower the stage's",
        )
        for name, frames in (("forcing", self.forcing.frames), ("teacher", self.teacher.frames)):
            require(
                frames >= 2 * PACKED and frames % PACKED == 0,
                f"{name}.frames is {frames}: expected a multiple of {PACKED}, {2 * PACKED} or more",
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
    assert base.opener and base.cutter and base.inpainter
    student = build_on(base.student, sub_table(table, "student"), "model.student.")
    codec = build_on(base.codec, sub_table(table, "codec"), "model.codec.")
    text = build_on(base.text, sub_table(table, "text"), "model.text.")
    keyframes = build_on(base.keyframes_spec, sub_table(table, "keyframes"), "model.keyframes.")
    opener = build_on(base.opener, sub_table(table, "opener"), "model.opener.")
    cutter = build_on(base.cutter, sub_table(table, "cutter"), "model.cutter.")
    inpainter = build_on(base.inpainter, sub_table(table, "inpainter"), "model.inpainter.")
    known(table, {"width", "height"}, "model.")
    width, height = table.get("width", base.width), table.get("height", base.height)
    cell = codec.stride * student.patch
    for side, size in (("width", width), ("height", height)):
        require(
            isinstance(size, int) and size > 0 and size % cell == 0,
            f"model.{side} is {size}: expected a multiple of {cell}",
        )
    if student.position_grid:
        student = replace(student, position_grid=(height // cell, width // cell))
    student = replace(student, latent_channels=codec.channels, text_dim=text.dim)
    whole = replace(base, width=width, height=height, student=student, codec=codec, text=text)
    return replace(whole, keyframes=keyframes, opener=opener, cutter=cutter, inpainter=inpainter)


def teacher_spec(recipe: Recipe):  # type: ignore[no-untyped-def]
    """The shape of the teacher: the student's, but that all latent frames of a clip are one chunk."""
    spec = build_on(recipe.card.student, dict(recipe.teacher.network), "teacher.network.")
    return replace(spec, chunk=recipe.teacher.frames // PACKED)
