"""The models that can be served: what each is, what it can do, where its weights come from. Free of torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.spec import MotionSpec, PocketCodecSpec, PocketTextSpec, StudentSpec

WEIGHTS = Path(__file__).parent / "weights"
CAPABILITIES = ("text", "image", "drag", "pin", "path", "camera", "rewind", "step", "branch", "transition")


class UnknownModel(ValueError):
    """No model of that name is registered."""


@dataclass(frozen=True)
class ModelCard:
    """One model as people see it, and how it is built.

    `width`, `height` in pixels, `fps` in frames a second, `chunk_frames` pixel frames a chunk, `steps` denoising steps of a chunk and
    `start_steps` those of a chunk that starts from text alone, `guidance` the text guidance of that chunk.
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
    guidance: float
    student: StudentSpec
    codec: PocketCodecSpec
    text: PocketTextSpec
    weights: str
    description: str = ""
    drag: str = "trained track encoder"
    examples: tuple[str, ...] = ()
    capabilities: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(CAPABILITIES, True))

    @property
    def weights_path(self) -> Path:
        return WEIGHTS / self.weights

    def public(self) -> dict[str, Any]:
        """What a client is told: JSON-able, no paths."""
        data = asdict(self)
        for internal in ("student", "codec", "text", "weights"):
            data.pop(internal)
        data["examples"] = list(self.examples)
        data["available"] = self.weights_path.is_file() or self.random
        return data

    @property
    def random(self) -> bool:
        """Made of random weights: for tests of everything but the picture."""
        return not self.weights


POCKET = ModelCard(
    name="pocket",
    title="flowbrush pocket",
    licence="Apache-2.0",
    width=320,
    height=192,
    fps=16,
    chunk_frames=4,
    steps=3,
    start_steps=12,
    guidance=2.0,
    student=StudentSpec(
        latent_channels=48,
        dim=256,
        ffn_dim=1024,
        heads=4,
        layers=6,
        text_dim=192,
        patch=4,
        chunk=1,
        sink=1,
        window=4,
        conv_width=64,
        conv_blocks=2,
        position_grid=(6, 10),
        motion=MotionSpec(),
        prediction="x0",
    ),
    codec=PocketCodecSpec(),
    text=PocketTextSpec(),
    weights="pocket/pocket.safetensors",
    description="A small causal student of a toy world, trained by this project; real time on two CPU cores.",
    examples=(
        "a panda in the meadow",
        "a soccer ball and a dog on the beach",
        "a rocket and a yellow star, night sky",
        "a turtle and a fish, under water",
        "a car on the road",
        "a penguin in the snow",
        "a cactus and a fox in the desert",
        "a butterfly and a sunflower, meadow",
        "a sailboat at sunset",
    ),
)
POCKET_RANDOM = ModelCard(
    **{
        **{f: getattr(POCKET, f) for f in POCKET.__dataclass_fields__},
        "name": "pocket-random",
        "title": "pocket with random weights (for tests)",
        "weights": "",
    }
)
CARDS = {card.name: card for card in (POCKET, POCKET_RANDOM)}


def card(name: str) -> ModelCard:
    """The card of model `name`. Raises UnknownModel, naming those that there are."""
    if name not in CARDS:
        raise UnknownModel(f"unknown model {name!r}: expected one of {', '.join(sorted(CARDS))}")
    return CARDS[name]
