"""A prompt that nobody touches lives about as much as the world does for the same prompt; with the shipped weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from flowbrush.models import motion_latent
from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluation import streams
from flowbrush.training.evaluation.measures import motion_energy
from flowbrush.training.pool import motion_of
from flowbrush.training.world.living import LivingClip, LivingWorld
from flowbrush.training.world.sprites import MissingFont, find_font

try:
    find_font()
except MissingFont as error:
    pytest.skip(str(error), allow_module_level=True)

PROMPTS = (
    ("an apple in the night", "apple", "night"),
    ("a banana in the snow", "banana", "snow"),
    ("a watermelon under water", "watermelon", "under water"),
)
SWIMS = ("a fish under water", "fish", "under water")


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load("pocket", seats=1, device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def truths() -> list[LivingClip]:
    """The world's own clip for each prompt."""
    world = LivingWorld(320, 192)
    return [
        world.at_rest(np.random.default_rng([31_000, 0]), name, scene, 24)
        for _, name, scene in (*PROMPTS, SWIMS)
    ]


@pytest.fixture(scope="module")
def lived(generator: Generator) -> list[tuple[float, Tensor]]:
    """Of six chunks of a stream for each prompt the energy, and what the student said: latents [6, C, h, w]."""
    streamed = []
    for seed, (prompt, *_) in enumerate((*PROMPTS, SWIMS)):
        state, frames, said = streams.start(generator, prompt, seed), [], []
        for _ in range(6):
            frames.append(streams.run(generator, state, 1))
            said.append(state.latents[:, 0])
        generator.release(state)
        streamed.append((motion_energy(torch.cat(frames)), torch.stack(said)))
    return streamed


def test_scenes_are_as_lively_as_the_world(
    generator: Generator, truths: Sequence[LivingClip], lived: Sequence[tuple[float, Tensor]], monkeypatch
) -> None:
    def share(energies: Sequence[float]) -> float:
        true = [motion_energy(clip.frames.float() / 255) for clip in truths]
        return float(np.mean([made / each for made, each in zip(energies, true, strict=False)]))

    assert 0.6 < share([energy for energy, _ in lived[: len(PROMPTS)]]) < 1.5
    for name in ("GROUND_GUIDED", "LIGHT_GUIDED", "THINGS_DRAWN", "GROUND_DRAWN", "LIGHT_DRAWN"):
        monkeypatch.setattr(motion_latent, name, 1.0)
    dull = [streams.prompt_alone(generator, prompt, seed, 6) for seed, (prompt, *_) in enumerate(PROMPTS)]
    assert share(dull) < 0.5, "as large as the student says, the scenes hardly move"


def test_words_move_a_sea(generator: Generator, monkeypatch) -> None:
    def energy() -> float:
        return streams.prompt_alone(generator, "a basketball on the beach", 1, 8)

    guided = energy()
    for name in ("GROUND_GUIDED", "LIGHT_GUIDED"):
        monkeypatch.setattr(motion_latent, name, 1.0)
    assert guided > 1.2 * energy()


def test_the_sea_moves_a_part_as_far_as_the_worlds(generator: Generator) -> None:
    """Without its words it hardly moves; where they count for much more, skies have checks."""
    model = generator.model
    assert isinstance(model, PocketModel)
    state, said = streams.start(generator, "a basketball on the beach", 3), []
    for _ in range(4):
        streams.run(generator, state, 1)
        said.append(state.latents[:, 0])
    generator.release(state)
    clip = LivingWorld(320, 192).at_rest(np.random.default_rng([31_000, 0]), "basketball", "beach", 24)
    made, true = motion_latent.drawn(torch.stack(said), [False] * 4), motion_of(clip, model.light)
    share = float((made.ground.square().mean() / true.ground.square().mean()).sqrt())
    assert 0.2 < share < 0.7


def test_things_and_light_are_drawn_as_large_as_the_worlds(
    generator: Generator, truths: Sequence[LivingClip], lived: Sequence[tuple[float, Tensor]]
) -> None:
    model = generator.model
    assert isinstance(model, PocketModel)
    shares = []
    for (_, said), clip in zip(lived, truths, strict=True):
        made, true = motion_latent.drawn(said, [False] * len(said)), motion_of(clip, model.light)
        pairs = ((made.things, true.things), (made.light, true.light))
        shares.append([float((a.square().mean() / b.square().mean()).sqrt()) for a, b in pairs])
    things, light = np.exp(np.log(shares).mean(0))
    assert 0.5 < things < 1.0
    assert 0.9 < light < 1.35


def test_the_world_at_rest_shows_what_the_prompt_says() -> None:
    world = LivingWorld(128, 96)
    clip = world.at_rest(np.random.default_rng(1), "apple", "night", 8)
    assert (clip.scene, [thing.name for thing in clip.things]) == ("night", ["apple"])
    assert not clip.held.any()
    assert not clip.velocity.any(), "nobody and no camera moves it"
    with pytest.raises(KeyError, match="no picture of 'wug'"):
        world.at_rest(np.random.default_rng(1), "wug", "night", 8)
