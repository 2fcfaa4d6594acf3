"""What a model is, as people see it and as it is built. Free of torch."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flowbrush.models.cards.spec import (
    InpainterSpec,
    KeyframesSpec,
    PocketCodecSpec,
    PocketTextSpec,
    RolloutSpec,
    SegmenterSpec,
    StudentSpec,
    TaeSpec,
    Umt5Spec,
    VaeSpec,
)

WEIGHTS = Path(__file__).parent.parent / "weights"
CAPABILITIES = (
    "text",
    "image",
    "source",
    "drag",
    "pin",
    "path",
    "camera",
    "rewind",
    "step",
    "branch",
    "transition",
    "probe",
    "edits",
)
TRAINED = "rigid reference, trained with it"
REFERENCED, WARPED = "encoded reference, no training", "warped latents, no training"
INTERNAL = (
    "student",
    "codec",
    "text",
    "light",
    "keyframes",
    "segmenter",
    "inpainter",
    "weights",
    "rollout",
    "sources",
    "other_sizes",
)


def models_folder() -> Path:
    """Where fetched weights are kept unless another folder is named."""
    cache = os.environ.get("XDG_CACHE_HOME")
    if cache:
        return Path(cache) / "flowbrush" / "models"
    try:
        return Path.home() / ".cache" / "flowbrush" / "models"
    except RuntimeError:  # a user without name and without HOME, as in containers that run under any number
        return Path(tempfile.gettempdir()) / f"flowbrush-{os.getuid()}" / "models"


@dataclass(frozen=True)
class Source:
    """Files of one repository on the hub: `files` are names or patterns, put into `folder` of the model's own
    folder. `container` is the entry of a checkpoint that its publisher runs, where there are several.
    """

    repository: str
    files: tuple[str, ...]
    folder: str = ""
    container: str = ""


@dataclass(frozen=True)
class ModelCard:
    """One model as people see it, and how it is built.

    `width`, `height` in pixels unless another of `sizes` is asked for, `fps` in frames a second, `chunk_frames` pixel frames
    a chunk, `steps` denoising steps of a chunk and `start_steps` those of a chunk that starts from text alone. `drag` says how the
    model follows a hand, `history` how many chunks can be taken back. `weights` is a file that comes with the project; `sources`
    are what `flowbrush pull` fetches.
    """

    name: str
    title: str
    licence: str
    width: int
    height: int
    fps: float
    chunk_frames: int
    steps: int
    start_steps: int
    student: StudentSpec
    codec: PocketCodecSpec | TaeSpec | VaeSpec
    text: PocketTextSpec | Umt5Spec
    weights: str
    other_sizes: tuple[tuple[int, int], ...] = ()
    description: str = ""
    drag: str = TRAINED
    examples: tuple[str, ...] = ()
    capabilities: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(CAPABILITIES, True))
    family: str = "pocket"
    history: int = 120
    light: PocketCodecSpec | None = None
    keyframes: KeyframesSpec | None = None
    segmenter: SegmenterSpec | None = None
    inpainter: InpainterSpec | None = None
    rollout: RolloutSpec = field(default_factory=RolloutSpec)
    sources: tuple[Source, ...] = ()
    random: bool = False

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """All (width, height) in pixels that it serves, its own first."""
        return ((self.width, self.height), *self.other_sizes)

    def size_for(
        self, width: int, height: int, among: Sequence[tuple[int, int]] | None = None
    ) -> tuple[int, int]:
        """The size, `among` some or all, whose shape is nearest to that of a picture."""
        return min(among or self.sizes, key=lambda size: abs(math.log(size[0] * height / (size[1] * width))))

    @property
    def pocket_codec(self) -> PocketCodecSpec:
        """The codec of a pocket model. Raises ValueError for other families."""
        if not isinstance(self.codec, PocketCodecSpec):
            raise ValueError(f"{self.name} is no pocket model: it has a codec of another kind")
        return self.codec

    @property
    def pocket_light(self) -> PocketCodecSpec:
        """The codec of a pocket model's light. Raises ValueError for other families."""
        if self.light is None:
            raise ValueError(f"{self.name} is no pocket model: it makes no light")
        return self.light

    @property
    def pocket_segmenter(self) -> SegmenterSpec:
        """The segmenter of a pocket model. Raises ValueError for other families."""
        if self.segmenter is None:
            raise ValueError(f"{self.name} is no pocket model: it has no segmenter")
        return self.segmenter

    @property
    def pocket_inpainter(self) -> InpainterSpec:
        """The inpainter of a pocket model. Raises ValueError for other families."""
        if self.inpainter is None:
            raise ValueError(f"{self.name} is no pocket model: it has no inpainter")
        return self.inpainter

    @property
    def pocket_text(self) -> PocketTextSpec:
        """The text encoder of a pocket model. Raises ValueError for other families."""
        if not isinstance(self.text, PocketTextSpec):
            raise ValueError(f"{self.name} is no pocket model: it has a text encoder of another kind")
        return self.text

    @property
    def keyframes_spec(self) -> KeyframesSpec:
        """The keyframes of a pocket model. Raises ValueError for models that have none."""
        if self.keyframes is None:
            raise ValueError(f"{self.name} has no keyframes")
        return self.keyframes

    @property
    def fewest_steps(self) -> int:
        """Denoising steps that a stream's chunks can be lowered to; chunks that are under way together have one step each."""
        return self.steps if self.rollout.joint else 1

    @property
    def weights_path(self) -> Path:
        """The weights file that comes with the project, or the folder that `flowbrush pull` fills."""
        return WEIGHTS / self.weights if self.family == "pocket" else models_folder() / self.name

    @property
    def available(self) -> bool:
        """Whether the weights are here."""
        path = self.weights_path
        if self.random or self.family == "pocket":
            return self.random or path.is_file()
        return (path / "flowbrush.json").is_file() or (path.is_symlink() and path.is_dir())

    def public(self) -> dict[str, Any]:
        """What a client is told: JSON-able, no paths."""
        data = {name: value for name, value in asdict(self).items() if name not in INTERNAL}
        data["sizes"] = [list(size) for size in self.sizes]
        data["examples"] = list(self.examples)
        data["available"] = self.available
        data["fewest_steps"] = self.fewest_steps
        data["encoder"] = self.codec.encoder
        return data
