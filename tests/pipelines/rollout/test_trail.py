"""What a stream's keys follow from, kept as it goes on: its first chunks and its latest ones."""

from __future__ import annotations

import torch

from flowbrush.pipelines.conditions.controls import ControlState
from flowbrush.pipelines.rollout.state import ChunkRecord
from flowbrush.pipelines.rollout.trail import Trail


def record(index: int) -> ChunkRecord:
    return ChunkRecord(
        index, index + 1, None, torch.full((1,), float(index)), ControlState((("a fox", 1.0),), steps=2)
    )


def trail(first: int, latest: int, made: int) -> Trail:
    kept = Trail(first, latest, torch.bfloat16)
    for index in range(made):
        kept.add(record(index))
    return kept


def indexes(kept: Trail) -> list[int]:
    return [each.made - 1 for each in kept]


def test_it_keeps_the_first_chunks_and_the_latest_each_once() -> None:
    assert indexes(trail(2, 3, 10)) == [0, 1, 7, 8, 9] and indexes(trail(0, 3, 10)) == [7, 8, 9]
    assert indexes(trail(4, 3, 5)) == [0, 1, 2, 3, 4]


def test_what_is_gone_back_in_is_forgotten_and_what_comes_then_kept() -> None:
    kept = trail(4, 3, 6)
    kept.cut(2)
    assert indexes(kept) == [0, 1]
    kept.add(record(2))
    assert indexes(kept) == [0, 1, 2]


def test_a_copy_stands_still_while_the_stream_goes_on() -> None:
    kept = trail(2, 3, 5)
    copy = kept.copy()
    kept.add(record(5))
    kept.cut(1)
    assert indexes(copy) == [0, 1, 2, 3, 4] and indexes(kept) == [0]
    copy.add(record(5))
    assert indexes(copy) == [0, 1, 3, 4, 5]


def test_of_a_chunk_it_keeps_what_the_student_passes_over_and_what_was_said() -> None:
    (only,) = trail(0, 1, 1)
    assert only.latents.dtype == torch.bfloat16 and only.key_value is None and only.memory is None
    assert only.controls == ControlState((("a fox", 1.0),))
