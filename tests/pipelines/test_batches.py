"""What a pass is given of the streams that share it."""

from __future__ import annotations

import pytest
import torch

from flowbrush.pipelines.batches import Batches
from flowbrush.pipelines.controls import fold
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.inputs import ChunkInputs
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.state import StreamState


@pytest.fixture(scope="module")
def served() -> Generator:
    return Generator.load("pocket", seats=2, device="cpu", dtype="fp32")


def begun(served: Generator, prompt: str, seed: int) -> tuple[StreamState, ChunkInputs]:
    card = served.card
    settings = StreamSettings("pocket", ((prompt, 1.0),), card.width, card.height, card.fps, seed)
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
    assert batch.guidance == 1 and batch.blank is None, "pocket is not guided"
