"""A prompt that nobody touches lives about as much as the world does for the same prompt; with the shipped weights."""

from __future__ import annotations

import numpy as np
import pytest

from flowbrush.models import motion_latent
from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluation import streams
from flowbrush.training.world.living import LivingWorld

PROMPTS = (
    ("an apple in the night", "apple", "night"),
    ("a banana in the snow", "banana", "snow"),
    ("a watermelon under water", "watermelon", "under water"),
)


def test_scenes_are_as_lively_as_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = Generator.load("pocket", seats=1)
    world = LivingWorld(generator.card.width, generator.card.height)
    truth = [streams.world_energy(world, name, scene, 24, clips=1) for _, name, scene in PROMPTS]

    def share() -> float:
        made = [streams.prompt_alone(generator, text, seed, 6) for seed, (text, *_) in enumerate(PROMPTS)]
        return float(np.mean(np.array(made) / truth))

    assert 0.6 < share() < 1.5
    for name in ("THINGS_DRAWN", "GROUND_DRAWN", "LIGHT_DRAWN"):
        monkeypatch.setattr(motion_latent, name, 1.0)
    assert share() < 0.5, "as large as the student says, the scenes hardly move"


def test_the_world_at_rest_shows_what_the_prompt_says() -> None:
    world = LivingWorld(128, 96)
    clip = world.at_rest(np.random.default_rng(1), "apple", "night", 8)
    assert (clip.scene, [thing.name for thing in clip.things]) == ("night", ["apple"])
    assert not clip.held.any()
    assert not clip.velocity.any(), "nobody and no camera moves it"
    with pytest.raises(KeyError, match="no picture of 'wug'"):
        world.at_rest(np.random.default_rng(1), "wug", "night", 8)
