"""Streams whose keys and values are too many to be written down: their snapshots are small, and they go on as they would have."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import torch

from flowbrush.benchmarks.shapes import no_memory, nowhere, shapes_of
from flowbrush.controls import Prompt, PromptSet
from flowbrush.models.card import ModelCard
from flowbrush.models.registry import CARDS
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines import snapshot
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.past import CachedPast
from flowbrush.pipelines.rebuild import rebuild
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.state import StreamState
from flowbrush.server.engine.ipc import WorkerConfig

LIMIT = {each.name: each for each in msgspec.structs.fields(WorkerConfig)}["snapshot_bytes"].default
CACHED = [name for name, card in CARDS.items() if card.family == "wan" and card.rollout.past == "cache"]
SEA = PromptSet(prompts=(Prompt(text="the sea"),))


@pytest.fixture(autouse=True)
def few_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MOST_KEY_VALUES", 0)


def loaded(card: ModelCard, layers: int = 2) -> Generator:
    small = reduced(card)
    return Generator.load(
        replace(small, student=replace(small.student, layers=layers)), device="cpu", dtype="fp32", seats=2
    )


def aged(generator: Generator, chunks: int, prompt_at: int = -1) -> StreamState:
    card = generator.card
    state = generator.start(StreamSettings(card.name, (("a fox", 1.0),), card.width, card.height, card.fps))
    for chunk in range(chunks):
        generator.step([state], [(SEA,) if chunk == prompt_at else ()])
    return state


def next_latents(generator: Generator, state: StreamState) -> torch.Tensor:
    generator.step([state], [()])
    assert state.latents is not None
    return state.latents


def apart(generator: Generator, chunks: int, prompt_at: int = -1) -> float:
    """How much the next chunk of a restored stream differs from what the stream itself makes, of its size."""
    state = aged(generator, chunks, prompt_at)
    copy = generator.restore(generator.snapshot(state))
    expected, made = next_latents(generator, state), next_latents(generator, copy)
    generator.release(state)
    generator.release(copy)
    return float((made - expected).norm() / expected.norm())


@pytest.mark.parametrize("name", CACHED)
def test_a_young_stream_is_what_it_was(name: str) -> None:
    """All of its past is there to be worked out again."""
    generator = loaded(CARDS[name], 6)
    averaged = generator.card.rollout.sink_average is not None
    assert apart(generator, 1) < 1e-5 and apart(generator, 2) < (0.02 if averaged else 1e-5)


@pytest.mark.parametrize("name", ["wan-1.3b", "longlive-1.3b", "self-forcing-1.3b", "rolling-forcing-1.3b"])
def test_an_old_stream_goes_on_all_but_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = loaded(CARDS[name], 12)
    with_lead_in = apart(generator, 14)
    assert 0 < with_lead_in < 0.01
    monkeypatch.setattr(CachedPast, "lead_in", CachedPast.needed)
    assert with_lead_in < 0.97 * apart(generator, 14), "the chunks before those that count bring nothing"


def test_what_is_worked_out_is_what_the_stream_keeps() -> None:
    generator = loaded(CARDS["longlive-1.3b"])
    state, past = aged(generator, 4), generator.lanes[generator.card.sizes[0]].past
    assert isinstance(past, CachedPast)
    kept = [state.key_value(index) for index in past.needed(state)]
    past.cache.keys.zero_()
    rebuild(generator.model.student, past, state, generator.prompts.in_force)
    for index, before in zip(past.needed(state), kept, strict=True):
        torch.testing.assert_close(past.cache.take(state.seat, index), before)


def test_a_past_that_was_worked_out_under_a_new_prompt_is_so_again() -> None:
    assert apart(loaded(CARDS["longlive-1.3b"]), 9, prompt_at=8) < 0.01


def test_what_is_restored_can_be_gone_back_in_and_put_away_again() -> None:
    generator = loaded(CARDS["longlive-1.3b"])
    state = aged(generator, 9)
    copy = generator.restore(generator.snapshot(state))
    assert all(record.key_value is not None for record in (*copy.sinks, *copy.records))
    assert 8 in copy.history and generator.snapshot_bytes(copy) > 0
    generator.release(state)
    again = generator.restore(generator.snapshot(copy))
    generator.rewind(copy, copy.history[0])
    assert again.chunk == 9 and copy.chunk == copy.history[-1] + 1


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.family == "wan"])
def test_a_worker_keeps_snapshots_of_every_student_at_its_full_size(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the bound as it is
    card, real = CARDS[name], CARDS[name].student
    one_layer = replace(real, layers=1)
    with no_memory():
        generator = shapes_of(replace(card, student=one_layer), nowhere())
        state = generator.start(StreamSettings(name, (("a fox", 1.0),), card.width, card.height, card.fps))
        for _ in range(real.sink + real.window + 2):
            generator.step([state], [()])
        past = generator.lanes[state.size].past
        held = sum(each.nbytes for i in past.needed(state) if (each := state.key_value(i)) is not None)
        assert held * real.layers > 4 * LIMIT or card.rollout.past != "cache"
        monkeypatch.setattr(snapshot, "MOST_KEY_VALUES", snapshot.MOST_KEY_VALUES // real.layers)
        assert generator.snapshot_bytes(state) <= LIMIT
