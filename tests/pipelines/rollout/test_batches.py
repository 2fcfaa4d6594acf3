"""What a pass is given of the streams that share it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flowbrush.pipelines.conditions.controls import fold
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import Frames, StreamSettings
from flowbrush.pipelines.rollout.batches import Batches
from flowbrush.pipelines.rollout.inputs import ChunkInputs
from flowbrush.pipelines.rollout.state import StreamState


@pytest.fixture(scope="module")
def served() -> Generator:
    return Generator.load("pocket", seats=2, device="cpu", dtype="fp32")


def begun(
    served: Generator, prompt: str, seed: int, image: Frames | None = None
) -> tuple[StreamState, ChunkInputs]:
    card = served.card
    settings = StreamSettings(
        "pocket", ((prompt, 1.0),), card.width, card.height, card.fps, seed, image=image
    )
    state = served.start(settings)
    after, plan = fold(state.controls, (), 0, card.chunk_frames, card.fps, card.height / card.width)
    return state, ChunkInputs(after, plan, served.family.take_reference(state.memory, plan))


@pytest.mark.parametrize(
    ("prompts", "shape"),
    [
        (("a dog", "a cat in the snow"), (2,)),
        (("a dog runs and a tree", "a cat sleeps, a dog and a bee flies"), (2, 4)),
    ],
)
def test_streams_of_one_pass_have_their_own_prompts(
    served: Generator, prompts: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    streams = [begun(served, prompt, seed) for seed, prompt in enumerate(prompts)]
    batches = Batches(served.card, served.family, served.prompts, served.placement)
    batch = batches.batch([state for state, _ in streams], [each for _, each in streams], 2)
    for state, _ in streams:
        served.release(state)
    assert batch.text.shape[:-2] == shape and len(batch.steps) == 2
    assert (batch.heard is None) == (len(shape) == 1)
    for row, prompt in enumerate(prompts):
        whole = batch.text[row] if batch.heard is None else batch.text[row, 0]
        assert torch.equal(whole, served.prompts.encode(prompt))
    assert batch.condition is not None and batch.condition.shape[0] == 2
    assert batch.guidance is not None and batch.guidance.shape == (
        2,
        served.card.student.latent_channels,
        1,
        1,
        1,
    )
    assert batch.blank is not None and torch.equal(batch.blank, served.prompts.encode(""))


def test_guidance_goes_on_from_what_is_said_without_words(served: Generator) -> None:
    batches = Batches(served.card, served.family, served.prompts, served.placement)
    state, inputs = begun(served, "a sailboat on the sea", 1)
    maker = served.lanes[state.size].maker

    def made(weight: float) -> torch.Tensor:
        batch = batches.batch([state], [inputs], 2)
        assert batch.guidance is not None
        batch.guidance = torch.full_like(batch.guidance, weight)
        return maker.make(batch)[0]

    without, said, twice = made(0.0), made(1.0), made(2.0)
    served.release(state)
    assert not torch.allclose(said, without, atol=1e-3)
    assert torch.allclose(twice - said, said - without, atol=1e-4)


def test_a_photo_is_not_guided_and_takes_no_pass_more(served: Generator) -> None:
    batches = Batches(served.card, served.family, served.prompts, served.placement)
    photo = begun(served, "a dog runs", 1, np.full((192, 320, 3), 90, np.uint8))
    scene = begun(served, "a dog runs", 1)
    alone, both = (
        batches.batch([state for state, _ in streams], [each for _, each in streams], 2)
        for streams in ([photo], [photo, scene])
    )
    for state, _ in (photo, scene):
        served.release(state)
    assert alone.guidance is None and alone.blank is None
    assert both.guidance is not None
    assert bool((both.guidance[0] == 1).all()) and both.guidance[1].amax() > 1
