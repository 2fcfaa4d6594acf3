"""Who goes does so faster, slower, or the other way."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import RED, disc, stack

from flowbrush.controls import Prompt, PromptSet
from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.parsing.clauses import ClauseReader
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.staging.pacing import going, sent_back, urged
from flowbrush.pipelines.staging.scenes import SceneMaker


@pytest.fixture
def reader(model: PocketModel) -> ClauseReader:
    return SceneMaker(model).clauses


def dog(told: str, **more: object) -> Layer:
    return replace(disc(RED, 40, 30, told=((told, 1.0),), looks="left", pace=5.0, **more), label="dog")


def test_who_goes_is_told_how_and_forgets_its_pace(reader: ClauseReader) -> None:
    before = stack(dog("a dog runs to the right"), dog("a dog"))
    now = urged(before, [0, 1], reader, "slow")
    assert now.layers[0].told == (("a dog runs to the right slowly", 1.0),) and now.layers[0].pace == 0
    assert now.layers[1] is before.layers[1], "who stands has nothing to slow down"


@pytest.mark.parametrize(
    ("told", "back"),
    [
        ("a dog runs to the left", "a dog runs to the right"),
        ("the dog runs", "a dog runs to the right"),
        ("a dog flies up", "a dog flies down"),
        ("a dog runs to the house", "a dog runs away from the house"),
        ("a dog runs away from the house", "a dog runs to the house"),
    ],
)
def test_the_other_way(reader: ClauseReader, told: str, back: str) -> None:
    now = sent_back(stack(dog(told)), [0], reader).layers[0]
    assert now.told == ((back, 1.0),) and now.looks == "left", "it turns as it goes"


def test_who_stands_turns_where_it_stands_but_not_in_a_hand(reader: ClauseReader) -> None:
    now = sent_back(stack(dog("a dog"), dog("a dog", hands=frozenset({1}))), [0, 1], reader)
    assert [layer.looks for layer in now.layers] == ["right", "left"]
    assert going(now.layers[0], reader) is None
    cut = replace(dog("a dog"), looks="", cut=True, rgba=dog("a dog").rgba * torch.linspace(0, 1, 20))
    assert torch.equal(sent_back(stack(cut), [0], reader).layers[0].rgba, cut.rgba.flip(-1)), (
        "of a photo, too"
    )


def test_slower_is_slower_and_faster_faster() -> None:
    """Pixels that a horse comes forward in two seconds, one second after it was told."""
    generator, gone = Generator.load("pocket", seats=1), dict[str, float]()
    for said in ("slower", "faster"):
        stream = generator.start(
            StreamSettings("pocket", (("a horse runs to the left", 1.0),), 320, 192, 16, 5)
        )
        places = list[float]()
        for chunk in range(20):
            controls = [PromptSet(prompts=(Prompt(text=said),))] if chunk == 8 else []
            generator.step([stream], [tuple(controls)])
            places.append(stream.memory.layers[0].pose.x)
        generator.release(stream)
        gone[said] = (places[11] - places[19]) % 320
    assert gone["faster"] > 1.3 * gone["slower"]
