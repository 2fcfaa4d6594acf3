"""A layer stack taken apart and put together again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from stacks import BLUE, RED, background, disc, stack

from flowbrush.pipelines.reference.layers import Hole
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.stack_file import dump, load
from flowbrush.pipelines.reference.tones import TONES


def test_all_that_a_stack_says_comes_back() -> None:
    layers = (
        disc(RED, 30, 30, hands=frozenset({4, 9}), depth=0.3),
        disc(
            BLUE,
            60,
            20,
            opacity=0.4,
            leaving=True,
            number=2,
            pace=3.5,
            told=(("a cat runs", 1.0),),
            looks="right",
            cut=True,
            unrest=0.25,
        ),
    )
    now = replace(
        stack(*layers), camera=Similarity(1.2, 0.1, 3.0, -4.0), margin=(8, 4), empty=frozenset({2, 5}),
        unfound=frozenset({5}), label="snow",
        prompt=(("a cat", 0.25), ("a dog", 0.75)), seed=6, next_background=background(3), next_label="beach", share=0.5,
        tone=TONES["night"], next_tone=TONES["sunset"],
    )  # fmt: skip
    tensors, facts = dump(now)
    back = load(tensors, json.loads(json.dumps(facts)))
    for name, value in vars(now).items():
        if name == "layers":
            continue
        other = getattr(back, name)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, name
    for one, other in zip(now.layers, back.layers, strict=True):
        assert torch.equal(one.rgba, other.rgba)
        assert replace(one, rgba=other.rgba) == other


def test_what_is_not_there_stays_away() -> None:
    back = load(*dump(stack()))
    assert back.next_background is None and back.layers == () and back.hole is None


@pytest.mark.parametrize("done", [0, 1])
def test_a_hole_that_is_being_filled_comes_back(done: int) -> None:
    mask = (background(1)[:1] > 0.5).float()
    tensors, facts = dump(replace(stack(), hole=Hole(mask, done)))
    back = load(tensors, json.loads(json.dumps(facts))).hole
    assert back is not None and torch.equal(back.mask, mask) and back.done == done
