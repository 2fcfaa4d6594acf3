"""A scene in the light of a time of day or of rain; what prompts say of that later changes it, and nothing else does."""

from __future__ import annotations

import pytest
from stacks import rows

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.conditions.controls import ChunkPlan, fold, initial_state
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.reference.tones import DAY, TONES
from flowbrush.pipelines.staging.scenes import SceneMaker

NIGHT, SUNSET, RAIN = TONES["night"], TONES["sunset"], TONES["rain"]


@pytest.fixture(scope="module")
def maker(model: PocketModel) -> SceneMaker:
    return SceneMaker(model)


def plan(prompt: str) -> ChunkPlan:
    return fold(initial_state(((prompt, 1.0),), ()), (), 0, 4, 16.0, 0.6)[1]


def after(maker: SceneMaker, *prompts: str) -> LayerStack:
    """What is there when each prompt after the first had a second."""
    now = maker.stage(((prompts[0], 1.0),), (320, 192), 5, [])
    for prompt in prompts[1:]:
        for _ in range(4):
            now = move(maker.turn(now, plan(prompt)), rows()).stack
    return now


@pytest.mark.parametrize(
    ("prompts", "scene", "tone"),
    [
        (["a car on the road at night"], "road", NIGHT),
        (["two dolphins jump out of the ocean at sunset"], "beach", SUNSET),
        (["a sailboat in a storm"], "beach", RAIN),
        (["a horse in a meadow at night"], "night", DAY),
        (["heavy snow"], "snow", DAY),
        (["a dog on the beach", "make it night"], "beach", NIGHT),
        (["a dog on the beach", "the sun sets"], "beach", SUNSET),
        (["a dog on the beach", "a dog at night"], "night", DAY),
        (["a dog in a meadow", "make it night"], "night", DAY),
        (["a dog in a meadow", "make it night", "make it day"], "meadow", DAY),
        (["a dog on the beach at night", "the dog runs"], "beach", NIGHT),
        (["a dog on the beach at night", "add a cat"], "beach", NIGHT),
        (["a dog on the beach at night", "make it day"], "beach", DAY),
        (["a dog on the beach at night", "a dog on the beach"], "beach", DAY),
        (["a dog on the beach at night", "a dog in the snow"], "snow", DAY),
        (["a dog on the beach at night", "a dog on the road at sunset"], "road", SUNSET),
        (["a dog in a meadow", "heavy rain"], "meadow", RAIN),
        (["a dog on the beach at night", "heavy rain"], "beach", NIGHT),
        (["a dog on the beach at night", "heavy rain", "the rain stops"], "beach", NIGHT),
        (["a dog in a meadow", "heavy rain", "the dog jumps"], "meadow", RAIN),
        (["a dog in a meadow", "heavy rain", "the rain stops"], "meadow", DAY),
    ],
    ids=lambda given: " → ".join(given) if isinstance(given, list) else "",
)
def test_what_is_said_of_the_light(maker: SceneMaker, prompts: list[str], scene: str, tone: object) -> None:
    now = after(maker, *prompts)
    assert (now.label, now.tone, now.next_label, now.next_tone) == (scene, tone, "", None)
