"""The warm-up meets every shape that streams can have, so that nothing is compiled while somebody watches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from stream_helpers import settings_for

from flowbrush.controls import Prompt, PromptSet, Transition
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.speed import GRAPHS
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.play.warm_up import warm_up


def small(name: str) -> Generator:
    card = reduced(CARDS[name])
    thin = replace(card, student=replace(card.student, layers=1), steps=2, start_steps=2)
    return Generator.load(thin, device="cpu", dtype="fp32", seats=1)


@pytest.mark.parametrize("name", ["longlive-1.3b", "krea-14b"])
def test_shapes_of_a_stream_with_new_prompts_are_those_of_the_warm_up(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shapes, types and places of a block's inputs: what a compiled block is made anew for."""
    generator = small(name)
    block, met = generator.model.student.blocks[0], set()
    forward = block.forward

    def watched(x: torch.Tensor, time: torch.Tensor, rope: Any, context: Any, *rest: Any) -> Any:
        past = None if context is None else tuple(context[0].shape)
        met.add((tuple(x.shape), tuple(rope.cos.shape), past))
        return forward(x, time, rope, context, *rest)

    monkeypatch.setattr(block, "forward", watched)
    warm_up(generator, compiled=True)
    known, state = set(met), generator.start(settings_for(generator))
    for chunk in range(9):
        change = [PromptSet(prompts=(Prompt(text=f"picture {chunk}"),))] if chunk in (2, 4, 7) else []
        generator.step([state], [change])
    later = PromptSet(prompts=(Prompt(text="the sea"),), transition=Transition(chunks=2))
    for chunk in range(3):
        generator.step([state], [[later] if chunk == 0 else []])
    assert met == known


@pytest.mark.slow
def test_compiled_blocks_have_no_breaks_and_are_not_made_anew_while_somebody_watches() -> None:
    """With the compiler's front end alone, which is what looks at shapes; on one seat, after the warm-up."""
    generator = small("longlive-1.3b")
    for block in generator.model.student.blocks:
        block.compile(dynamic=False, backend="eager", fullgraph=True)
    with torch._dynamo.config.patch(recompile_limit=GRAPHS):
        warm_up(generator, compiled=True)
    with torch._dynamo.config.patch(recompile_limit=GRAPHS, error_on_recompile=True):
        state = generator.start(settings_for(generator))
        for chunk in range(7):
            change = [PromptSet(prompts=(Prompt(text=f"picture {chunk}"),))] if chunk in (1, 3, 6) else []
            generator.step([state], [change])


@pytest.mark.parametrize(("on_gpu", "batches"), [(False, {1}), (True, {1, 2})])
def test_full_batches_are_warmed_up_where_they_take_memory_and_kernels_of_their_own(
    on_gpu: bool, batches: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(CARDS["pocket-random"], steps=1, start_steps=1)
    generator = Generator.load(card, device="cpu", seats=2)
    step, met = generator.step, set()

    def watched(states: list[Any], *rest: Any) -> Any:
        met.add(len(states))
        return step(states, *rest)

    monkeypatch.setattr(generator, "step", watched)
    generator.on_gpu = on_gpu
    assert warm_up(generator, compiled=False) > 0
    assert met == batches and len(generator.free) == 2
