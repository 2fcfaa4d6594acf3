"""Chunk 200 of a Wan stream needs no more memory than chunk 50, whatever is asked of it on the way."""

from __future__ import annotations

import gc
from dataclasses import replace

import pytest
import torch
from stream_helpers import drag, settings_for
from torch._subclasses.fake_tensor import FakeTensor

from flowbrush.controls import Control, Prompt, PromptSet, TrackEnd, Transition
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator


def small(name: str) -> Generator:
    card = reduced(CARDS[name])
    steps = card.steps if card.rollout.joint else 1
    student = replace(card.student, layers=1)
    thin = replace(card, student=student, steps=steps, start_steps=steps, width=64, height=32)
    return Generator.load(thin, device="cpu", dtype="fp32", seats=1)


def asked(generator: Generator, chunk: int) -> list[Control]:
    """New prompts, transitions and drags, again and again."""
    now = chunk * generator.card.chunk_frames / generator.card.fps
    match chunk % 10:
        case 2:
            return [PromptSet(prompts=(Prompt(text=("a fox", "the sea")[chunk % 20 // 10]),))]
        case 5:
            return [PromptSet(prompts=(Prompt(text="a boat"),), transition=Transition(chunks=3))]
        case 3:
            return [drag(1, (now, 0.3, 0.5), (now + 1, 0.6, 0.5))]
        case 7:
            return [TrackEnd(track=1)]
    return []


def held() -> int:
    """Bytes of all tensors of this process, each storage once."""
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        fake = issubclass(type(thing), FakeTensor)  # of other tests: shapes without memory
        if issubclass(type(thing), torch.Tensor) and not fake and thing.device.type == "cpu":
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.mark.parametrize("name", ["longlive-1.3b", "reward-forcing-1.3b", "rolling-forcing-1.3b", "krea-14b"])
def test_memory_does_not_grow_over_200_chunks(name: str) -> None:
    generator = small(name)
    state = generator.start(settings_for(generator))
    sizes = []
    for chunk in range(201):
        generator.step([state], [asked(generator, chunk)])
        if chunk in (50, 100, 200):  # at the same place of the ten chunks that come again and again
            sizes.append(held())
    assert sizes[1] <= sizes[0] * 1.001 and sizes[2] <= sizes[0] * 1.001
