"""Streams whose keys and values are too many to be written down: their snapshots are small and go on to the bit."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import torch

from flowbrush.benchmarks.shapes import no_memory, nowhere, shapes_of
from flowbrush.controls import Prompt, PromptSet, Transition
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.reach import first_chunks, latest_chunks, passes_again, past_window
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout import past as pasts
from flowbrush.pipelines.rollout.past import CachedPast
from flowbrush.pipelines.rollout.rebuild import rebuild
from flowbrush.pipelines.rollout.state import StreamState
from flowbrush.server.engine.ipc import WorkerConfig

LIMIT = {each.name: each for each in msgspec.structs.fields(WorkerConfig)}["snapshot_bytes"].default
WAN = [name for name, card in CARDS.items() if card.family == "wan"]
CACHED = [name for name in WAN if CARDS[name].rollout.past == "cache"]
ENDLESS = [name for name in WAN if CARDS[name].rollout.sink_average is None]
LAYERS = 3


@pytest.fixture(autouse=True)
def few_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasts, "MOST_KEY_VALUES", 0)


def loaded(card: ModelCard, layers: int = LAYERS, dtype: str = "fp32") -> Generator:
    small = reduced(card)
    return Generator.load(
        replace(small, student=replace(small.student, layers=layers)), device="cpu", dtype=dtype, seats=3
    )


def old(card: ModelCard) -> int:
    """Chunks of a stream of LAYERS layers whose keys reach back less far than it is old."""
    spec = replace(card.student, layers=LAYERS)
    return first_chunks(spec, card.rollout) + latest_chunks(spec, card.rollout) + 3


def aged(generator: Generator, chunks: int, prompts_at: tuple[int, ...] = (), steps: int = 0) -> StreamState:
    card = generator.card
    state = generator.start(StreamSettings(card.name, (("a fox", 1.0),), card.width, card.height, card.fps))
    for chunk in range(chunks):
        generator.step([state], [said(chunk, steps) if chunk in prompts_at else ()])
    return state


def said(chunk: int, steps: int) -> tuple[PromptSet, ...]:
    """A new prompt, over so many chunks."""
    change = Transition(chunks=steps) if steps else None
    return (PromptSet(prompts=(Prompt(text=f"the sea {chunk}"),), transition=change),)


def next_latents(generator: Generator, state: StreamState) -> torch.Tensor:
    generator.step([state], [()])
    assert state.latents is not None
    return state.latents


def apart(generator: Generator, state: StreamState, brief: bool = False) -> float:
    """How much the next chunk of the restored stream differs from what the stream itself makes, of its size. Ends both."""
    copy = generator.restore(generator.snapshot(state), brief)
    expected, made = next_latents(generator, state), next_latents(generator, copy)
    generator.release(state)
    generator.release(copy)
    return float((made - expected).norm() / expected.norm())


@pytest.mark.parametrize("name", WAN)
def test_a_young_stream_is_what_it_was(name: str) -> None:
    generator = loaded(CARDS[name])
    assert apart(generator, aged(generator, 1)) == 0 and apart(generator, aged(generator, 2)) == 0


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ENDLESS)
def test_an_old_stream_goes_on_to_the_bit(name: str, dtype: str) -> None:
    generator = loaded(CARDS[name], dtype=dtype)
    assert apart(generator, aged(generator, old(CARDS[name]))) == 0


@pytest.mark.parametrize("name", ENDLESS)
def test_so_it_does_after_new_prompts_early_lately_and_just_now(name: str) -> None:
    """LongLive works its past out again under each; an early one reaches its sink."""
    generator, chunks = loaded(CARDS[name]), old(CARDS[name])
    for prompts in ((2,), (4,), (chunks - 1,), (5, chunks - 6, chunks - 3)):
        assert apart(generator, aged(generator, chunks, prompts)) == 0, prompts


@pytest.mark.parametrize("ago", range(1, 12))
def test_so_it_does_however_long_ago_the_prompt_changed(ago: int) -> None:
    """LongLive's past, with a trail that is not a chunk longer than it must be."""
    generator, chunks = loaded(replace(CARDS["longlive-1.3b"], history=0)), old(CARDS["longlive-1.3b"])
    assert apart(generator, aged(generator, chunks, (chunks - ago,))) == 0


@pytest.mark.parametrize("name", ["wan-1.3b", "longlive-1.3b"])
@pytest.mark.parametrize("ago", [1, 2, 4])
def test_so_it_does_in_and_after_a_slow_change_of_prompt(name: str, ago: int) -> None:
    generator, chunks = loaded(CARDS[name]), old(CARDS[name])
    assert apart(generator, aged(generator, chunks, (chunks - ago,), steps=3)) == 0


@pytest.mark.parametrize("name", ["wan-1.3b", "longlive-1.3b", "rolling-forcing-1.3b"])
def test_what_was_restored_and_gone_back_in_is_put_away_again(name: str) -> None:
    generator = loaded(CARDS[name])
    state = aged(generator, old(CARDS[name]))
    copy = generator.restore(generator.snapshot(state))
    generator.release(state)
    for _ in range(5):
        generator.step([copy], [()])
    generator.rewind(copy, copy.chunk - 3)
    assert apart(generator, copy) == 0


def test_what_is_worked_out_is_what_the_stream_keeps() -> None:
    generator = loaded(CARDS["longlive-1.3b"])
    state, lane = aged(generator, 8), generator.lanes[generator.card.sizes[0]]
    assert isinstance(lane.past, CachedPast)
    kept = [state.key_value(index) for index in lane.past.needed(state)]
    lane.past.cache.keys.zero_()
    rebuild(lane.maker, state, generator.prompts.in_force)
    for index, before in zip(lane.past.needed(state), kept, strict=True):
        assert before is not None and torch.equal(lane.past.cache.take(state.seat, index), before)


def test_nothing_older_than_the_trail_is_missed_and_nothing_younger_is_spare() -> None:
    """The oldest chunk has its part in the keys of the last layer, and in no other."""
    generator = loaded(CARDS["wan-1.3b"])
    state, lane = aged(generator, 12), generator.lanes[generator.card.sizes[0]]
    assert isinstance(lane.past, CachedPast) and state.trail is not None
    trail, known = state.trail, sorted(record.made - 1 for record in state.trail)
    assert known[-1] == 11 and known[1] <= 11 - (LAYERS - 1)
    for back, exact in ((LAYERS - 1, True), (LAYERS - 2, False)):
        shorter = lane.past.trail(0)
        assert shorter is not None
        for record in trail:
            if record.made == 1 or record.made - 1 >= 11 - back:
                shorter.add(record)
        copy = generator.restore(generator.snapshot(replace(state, trail=shorter)))
        same = all(torch.equal(copy.key_value(i), state.key_value(i)) for i in lane.past.needed(state))  # type: ignore[arg-type]
        assert same == exact
        generator.release(copy)


@pytest.mark.parametrize("name", ["wan-1.3b", "longlive-1.3b", "self-forcing-1.3b"])
def test_in_brief_it_goes_on_all_but_the_same(name: str) -> None:
    generator = loaded(CARDS[name], 12)
    assert 0 < apart(generator, aged(generator, old(CARDS[name])), brief=True) < 0.01


def test_an_averaged_sink_is_right_while_all_is_known_and_begins_anew_later() -> None:
    card = CARDS["reward-forcing-1.3b"]
    generator = loaded(card)
    known = latest_chunks(generator.card.student, card.rollout)
    assert apart(generator, aged(generator, known)) == 0
    assert 0 < apart(generator, aged(generator, known + card.history + 20)) < 0.02


def test_what_is_restored_can_be_gone_back_in() -> None:
    generator = loaded(CARDS["longlive-1.3b"])
    state = aged(generator, 9)
    copy = generator.restore(generator.snapshot(state))
    assert all(record.key_value is not None for record in (*copy.sinks, *copy.records))
    assert 8 in copy.history and generator.snapshot_bytes(copy) > 0
    generator.rewind(copy, copy.history[0])
    assert copy.chunk == copy.history[-1] + 1


def test_what_it_takes_is_known_beforehand() -> None:
    """So a worker can tell whether its order would be taken for one that hangs."""
    took = {name: passes_again(CARDS[name].student, CARDS[name].rollout) for name in WAN}
    assert (
        took["wan-1.3b"] < took["longlive-1.3b"] < took["self-forcing-1.3b"] < 100 and took["krea-14b"] == 0
    )
    generator = loaded(CARDS["wan-1.3b"])
    assert generator.restored_in(1.0) == pytest.approx((1 + 1 + (LAYERS - 1) / 2) / 5)


@pytest.mark.parametrize("name", WAN)
def test_a_worker_keeps_snapshots_of_every_student_at_its_full_size(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the bound as it is
    card, real = CARDS[name], CARDS[name].student
    one_layer = replace(real, layers=1)
    monkeypatch.setattr(pasts, "MOST_KEY_VALUES", pasts.MOST_KEY_VALUES // real.layers)
    with no_memory():
        generator = shapes_of(replace(card, student=one_layer), nowhere())
        state = generator.start(StreamSettings(name, (("a fox", 1.0),), card.width, card.height, card.fps))
        for _ in range(real.sink + real.window + 2):
            generator.step([state], [()])
        past = generator.lanes[state.size].past
        held = sum(each.nbytes for i in past.needed(state) if (each := state.key_value(i)) is not None)
        assert held * real.layers > 4 * LIMIT or card.rollout.past != "cache"
        size = generator.snapshot_bytes(state)
        if state.trail is not None:  # as long as that of a student of all its layers
            record, kept = next(iter(state.trail)), len(list(state.trail))
            longest = first_chunks(real, card.rollout) + latest_chunks(real, card.rollout) + card.history
            size += (longest - kept) * record.latents.nbytes
        assert 40 << 20 < size <= LIMIT
        assert past_window(real, card.rollout) <= len(state.records)
