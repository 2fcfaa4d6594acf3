"""The models that can be served: what each is, what it can do, where its weights come from. Free of torch."""

from __future__ import annotations

from dataclasses import replace

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.spec import (
    InpainterSpec,
    KeyframesSpec,
    PocketCodecSpec,
    PocketTextSpec,
    SegmenterSpec,
    StudentSpec,
)
from flowbrush.models.motion_channels import LIGHT, condition_channels
from flowbrush.models.wan.cards import WAN_CARDS


class UnknownModel(ValueError):
    """No model of that name is registered."""


def for_codecs(student: StudentSpec, codec: PocketCodecSpec, light: PocketCodecSpec) -> StudentSpec:
    """The student with the channels that go with the codecs of the picture and of the light."""
    latent = LIGHT + light.channels
    return replace(
        student, latent_channels=latent, condition_channels=condition_channels(codec.channels, latent)
    )


CODEC, LIGHT_CODEC = PocketCodecSpec(channels=96), PocketCodecSpec(channels=64)
POCKET = ModelCard(
    name="pocket",
    title="flowbrush pocket",
    licence="Apache-2.0",
    width=320,
    height=192,
    other_sizes=((192, 320), (256, 256)),
    fps=16,
    chunk_frames=4,
    steps=2,
    start_steps=4,
    student=for_codecs(
        StudentSpec(
            latent_channels=LIGHT,
            dim=256,
            ffn_dim=1024,
            heads=4,
            layers=4,
            text_dim=192,
            patch=4,
            chunk=1,
            sink=1,
            window=4,
            conv_width=64,
            conv_blocks=2,
            conv_head_blocks=2,
            prediction="x0",
        ),
        CODEC,
        LIGHT_CODEC,
    ),
    codec=CODEC,
    light=LIGHT_CODEC,
    keyframes=KeyframesSpec(),
    segmenter=SegmenterSpec(),
    inpainter=InpainterSpec(),
    text=PocketTextSpec(),
    weights="pocket/pocket.safetensors",
    description="A small causal student of a toy world, trained by this project; real time on two CPU cores.",
    examples=(
        "a panda in the meadow",
        "a soccer ball and a dog on the beach",
        "a rocket and a yellow star, night sky",
        "a turtle and a fish, under water",
        "a car drives to the left on the road",
        "a penguin and a snowman in the snow",
        "a cactus and a fox that walks to the left in the desert",
        "a butterfly flies over a sunflower, meadow",
        "a sailboat at sunset",
        "an apple, a banana and a cake in the meadow",
    ),
)
POCKET_RANDOM = replace(
    POCKET, name="pocket-random", title="pocket with random weights (for tests)", weights="", random=True
)
CARDS = {card.name: card for card in (POCKET, POCKET_RANDOM, *WAN_CARDS)}


def card(name: str) -> ModelCard:
    """The card of model `name`. Raises UnknownModel, naming those that there are."""
    if name not in CARDS:
        raise UnknownModel(f"unknown model {name!r}: expected one of {', '.join(sorted(CARDS))}")
    return CARDS[name]
