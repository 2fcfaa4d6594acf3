"""Regional prompts: who hears what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from flowbrush.pipelines.conditions.controls import ChunkPlan, fold, initial_state
from flowbrush.pipelines.conditions.regions import Regions, by_token, text_tokens


@pytest.fixture
def plan() -> ChunkPlan:
    return fold(initial_state([("a", 1.0)], ()), (), 0, 4, 16.0, 0.6)[1]


def told(plan: ChunkPlan, text: str) -> ChunkPlan:
    return replace(plan, prompt=((text, 1.0),))


def encode(plan: ChunkPlan) -> Tensor:
    return torch.full((3, 2), float(ord(plan.prompt[0][0])))


def test_without_regions_a_stream_has_one_prompt(plan: ChunkPlan) -> None:
    text, heard = text_tokens(encode, [(told(plan, "a"), None), (told(plan, "b"), None)])
    assert heard is None and text.shape == (2, 3, 2)
    assert text[:, 0, 0].tolist() == [97, 98]


def test_streams_of_few_regions_go_with_those_of_many(plan: ChunkPlan) -> None:
    few = Regions((told(plan, "a"), told(plan, "b")), torch.tensor([0, 1, 1, 0]))
    many = Regions(tuple(told(plan, each) for each in "cde"), torch.tensor([2, 1, 0, 0]))
    text, heard = text_tokens(encode, [(plan, few), (plan, many)])
    assert text.shape == (2, 3, 3, 2) and heard is not None
    words = by_token(text.flatten(0, 1)[:, :, None], heard)  # [B, N, L, H, D]
    assert words.shape == (2, 4, 3, 1, 2)
    said = [[chr(int(word)) for word in row] for row in words[:, :, 0, 0, 0]]
    assert said == [["a", "b", "b", "a"], ["e", "d", "c", "c"]]
