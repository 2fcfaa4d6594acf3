"""Full sizes on a device without memory: what is said of memory, and what must not happen inside a chunk on a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flowbrush.benchmarks.shapes import Counter, no_memory, nowhere, shapes_of
from flowbrush.controls import CameraSet, Point, Prompt, PromptSet, TrackBegin
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.needs import needs
from flowbrush.models.cards.registry import CARDS
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.touches import MANY
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout.state import StreamState

WAYS = (
    "wan-1.3b",
    "longlive-1.3b",
    "reward-forcing-1.3b",
    "rolling-forcing-1.3b",
    "krea-14b",
)  # one of each kind


@pytest.fixture(scope="module")
def gpu() -> torch.device:
    return nowhere()


def thin(name: str, layers: int) -> ModelCard:
    """A card at its full size in everything but the number of layers, of steps, and of chunks to go back."""
    real = CARDS[name]
    steps = real.steps if real.rollout.joint else 1
    student = replace(real.student, layers=layers)
    return replace(real, student=student, history=1, steps=steps, start_steps=steps)


def begun(generator: Generator) -> StreamState:
    card = generator.card
    return generator.start(StreamSettings(card.name, (("a fox", 1.0),), card.width, card.height, card.fps))


SEA = PromptSet(prompts=(Prompt(text="the sea"),))


@pytest.mark.parametrize("name", WAYS)
def test_the_memory_that_is_said_is_what_is_counted(name: str, gpu: torch.device) -> None:
    card = thin(name, 3)
    with no_memory():
        generator = shapes_of(card, gpu)
        counter = Counter(gpu)
        for module in (generator.model.student, generator.model.codec):
            counter.hold(*module.parameters(), *module.buffers())
        past = generator.lanes[card.width, card.height].past
        counter.hold(past.rope.cos, past.rope.sin)
        if card.rollout.past == "cache":
            counter.hold(past.cache.keys, past.cache.values)
        state = begun(generator)
        with counter:
            for _ in range(card.student.sink + card.student.window + card.history + 2):
                generator.step([state], [()])
            generator.step([state], [[SEA]])
    assert needs(card).device == pytest.approx(counter.peak, rel=0.1)


class Waits(TorchDispatchMode):
    """Copies from main memory to the device during which the processor waits."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = func._schema.name
        if name in ("aten::to", "aten::_to_copy", "aten::copy_"):
            given = [leaf for leaf in tree_leaves(args) if isinstance(leaf, torch.Tensor)]
            arrives = out.device.type == self.device.type
            at_once = kwargs.get("non_blocking") or any(flag is True for flag in args)
            if arrives and not at_once and any(leaf.device.type == "cpu" for leaf in given):
                self.seen.append(f"{name} {tuple(out.shape)}")
        return out


@pytest.mark.parametrize("inference", [True, False])
def test_a_wait_a_meeting_and_a_value_that_is_read_are_found(gpu: torch.device, inference: bool) -> None:
    with no_memory(), torch.inference_mode(inference):
        host, there = torch.ones(3), torch.ones(3, device=gpu)
        with Waits(gpu) as waits:
            host.pin_memory().to(gpu, non_blocking=True)
            assert waits.seen == []
            host.to(gpu, torch.bfloat16)
            assert len(waits.seen) == 1
        with pytest.raises(RuntimeError, match="same device"):
            host + there
        with pytest.raises(RuntimeError, match=r"item|_local_scalar_dense"):
            float(there.sum())


@pytest.mark.parametrize("name", ["wan-1.3b", "wan-5b"])
def test_a_start_image_in_portrait_at_the_full_size(name: str, gpu: torch.device) -> None:
    card = thin(name, 1)
    width, height = card.other_sizes[0]
    image = np.zeros((3 * height, 2 * height, 3), np.uint8)
    with no_memory():
        generator = shapes_of(card, gpu)
        state = generator.start(
            StreamSettings(card.name, (("a fox", 1.0),), width, height, card.fps, image=image)
        )
        with Waits(gpu) as waits:
            made = [generator.step([state], [()])[0] for _ in range(2)]
    assert waits.seen == [] and state.made == 3
    assert {result.frames.shape for result in made} == {(card.chunk_frames, height, width, 3)}


@pytest.mark.parametrize("name", ["longlive-1.3b", "rolling-forcing-1.3b", "krea-14b"])
def test_nothing_waits_and_no_two_devices_meet_inside_a_chunk(name: str, gpu: torch.device) -> None:
    """The fake mode refuses to read a value from the device and to work on two devices at once. A drag, whose reference is cut from
    the last picture, a camera, many tracks, and a prompt that has been encoded before are part of the chunks.
    """
    card = thin(name, 1)
    drag = TrackBegin(track=1, kind="drag", points=(Point(t=0, x=0.3, y=0.5), Point(t=4, x=0.6, y=0.5)))
    with no_memory():
        generator = shapes_of(card, gpu)
        state = begun(generator)
        generator.prompts.encode("the sea")
        for _ in range(2):
            generator.step([state], [()])
        with Waits(gpu) as waits:
            generator.step([state], [[SEA, drag]])
            generator.step([state], [[CameraSet(mode="velocity", pan=(0.3, 0.0))]])
            assert [layer.hands for layer in state.memory.layers] == [{1}]
            generator.step([state], [[drag.model_copy(update={"track": 2 + more}) for more in range(MANY)]])
    assert waits.seen == [] and not state.memory.layers
