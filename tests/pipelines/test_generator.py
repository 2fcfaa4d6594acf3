"""Streams of a model: chunks as transactions, batches, rewind, constant cost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from stream_helpers import cache_of, closest, drag, fingerprint, run, same, settings_for, some_controls

from flowbrush.controls import Prompt, PromptSet, StepsSet, TrackBegin
from flowbrush.models.cards.registry import UnknownModel
from flowbrush.pipelines.generator import Generator, NoSeat

PICTURE = np.random.default_rng(0).integers(0, 255, (50, 90, 3), dtype=np.uint8)


def test_chunks_and_frames_are_contiguous(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    for index in range(4):
        (result,) = tiny.step([state], [()])
        assert (result.chunk, result.first_frame) == (index, 4 * index)
        assert result.frames.shape == (4, 64, 64, 3) and result.frames.dtype == np.uint8
        assert result.prompt == "a cat in the meadow"
        assert result.denoise_ms > 0 and result.decode_ms > 0
    assert state.chunk == 4


def test_a_stream_is_a_function_of_settings_and_controls(tiny: Generator) -> None:
    streams = [tiny.start(settings_for(tiny, seed=seed)) for seed in (4, 4, 5)]
    first, again, other = (run(tiny, state, 8) for state in streams)
    assert np.array_equal(first, again)
    assert closest(first, other) > 20


def test_the_log_can_limit_the_steps_from_a_chunk_on(tiny: Generator) -> None:
    """As if the stream had been begun with fewer; the first chunk, which begins from text alone, has steps of its own."""
    few, limited, many = (tiny.start(settings_for(tiny, steps=steps)) for steps in (1, 2, 2))
    frames = [
        [row.frames for row in tiny.step([few, limited, many], [(), given, ()])]
        for given in ((), (StepsSet(steps=1),), (), (StepsSet(),), ())
    ]
    for first, second, _ in frames[:3]:
        assert closest(first, second) <= 1, "rounding alone may differ"
    assert closest(frames[2][1], frames[2][2]) > closest(frames[2][0], frames[2][1])
    assert closest(frames[4][0], frames[4][1]) > 1, "from there on it takes as many as it was begun with"


def test_what_is_painted_changes_the_picture(tiny: Generator) -> None:
    held, free = (tiny.start(settings_for(tiny, seed=1, image=PICTURE)) for _ in range(2))
    region = (((0.2, 0.3), (0.45, 0.3), (0.45, 0.7), (0.2, 0.7)),)
    control = drag(1, (0.0, 0.3, 0.5), (0.5, 0.6, 0.5)).model_copy(update={"region": region})
    frames = [tiny.step([held, free], [(control,) if chunk == 0 else (), ()]) for chunk in range(3)]
    assert closest(frames[-1][0].frames, frames[-1][1].frames) > 4


def test_a_batch_of_streams_equals_one_at_a_time(tiny: Generator) -> None:
    """Streams of different age, prompt and tracks, some of them before their window is full."""
    prompts = ("a cat", "a dog in the meadow", "a ball")
    alone = [run(tiny, tiny.start(settings_for(tiny, prompt, seed=s)), 9) for s, prompt in enumerate(prompts)]
    tiny.free[:] = range(tiny.seats)
    states = [tiny.start(settings_for(tiny, prompt, seed=s)) for s, prompt in enumerate(prompts)]
    together: list[list[np.ndarray]] = [[], [], []]
    for tick in range(9 + 4):
        rows = [
            row for row in range(3) if 2 * row <= tick and states[row].chunk < 9
        ]  # they begin 2 chunks apart
        results = tiny.step([states[row] for row in rows], [some_controls(states[row].chunk) for row in rows])
        for row, result in zip(rows, results, strict=True):
            together[row].append(result.frames)
    for row in range(3):
        assert closest(np.concatenate(together[row]), alone[row]) <= 1, "rounding alone may differ"


def test_a_start_image_is_the_ground_of_the_first_chunk(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny, image=PICTURE))
    assert (state.chunk, state.made) == (0, 0) and not state.memory.layers
    other = tiny.start(settings_for(tiny, image=255 - PICTURE))
    assert closest(run(tiny, state, 2), run(tiny, other, 2)) > 4
    assert state.history == range(0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "pocket"}, "serves 'pocket-random', not 'pocket'"),
        ({"width": 320}, "makes pictures of 64x64, 64x96, not 320x64"),
        ({"fps": 24.0}, "makes 16 frames a second, not 24"),
        ({"prompts": ()}, "a prompt is missing"),
        ({"image": PICTURE[..., 0]}, r"RGB uint8 \[H, W, 3\]"),
        ({"image": PICTURE.astype(float)}, "not float64"),
    ],
)
def test_settings_that_cannot_be_served_are_refused_and_take_no_seat(
    tiny: Generator, change: Any, message: str
) -> None:
    settings = type(base := settings_for(tiny))(**{**vars(base), **change})
    with pytest.raises(ValueError, match=message):
        tiny.start(settings)
    assert len(tiny.free) == tiny.seats


def test_seats_run_out_and_come_back(tiny: Generator) -> None:
    states = [tiny.start(settings_for(tiny)) for _ in range(tiny.seats)]
    with pytest.raises(NoSeat):
        tiny.start(settings_for(tiny))
    tiny.release(states[0])
    tiny.release(states[0])
    assert len(tiny.free) == 1, "a seat is given back once"
    tiny.start(settings_for(tiny))


def test_a_seat_taken_over_remembers_nothing(tiny: Generator) -> None:
    first = tiny.start(settings_for(tiny, seed=8))
    expected, seat = run(tiny, first, 3), first.seat
    tiny.release(first)
    other = tiny.start(settings_for(tiny, "a dog", seed=9))
    run(tiny, other, 7)
    tiny.release(other)
    again = tiny.start(settings_for(tiny, seed=8))
    assert again.seat == seat
    assert np.array_equal(run(tiny, again, 3), expected)


@pytest.mark.parametrize("where", ["family.decode", "maker.remember", "prompts.notices", "cache.take"])
@pytest.mark.parametrize("age", [0, 2, 7])
def test_a_failed_step_changes_nothing(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch, where: str, age: int
) -> None:
    """Whatever fails, and for whichever stream of the batch, all streams are where they were, and go on."""
    streams = [tiny.start(settings_for(tiny, seed=seed)) for seed in (1, 2)]
    twins = [tiny.start(settings_for(tiny, seed=seed)) for seed in (1, 2)]
    for _ in range(age):
        tiny.step([*streams, *twins], [some_controls(s.chunk) for s in (*streams, *twins)])
    before = [fingerprint(tiny, state) for state in streams]
    lane = tiny.lanes[streams[0].size]
    owner: Any = {"maker": lane, "cache": lane.past}.get(where.split(".")[0], tiny)
    *path, name = where.split(".")
    for part in path:
        owner = getattr(owner, part)
    calls, real = [], getattr(owner, name)

    def breaks(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) > 1 or where == "family.decode":
            raise RuntimeError("out of memory")
        return real(*args, **options)

    monkeypatch.setattr(owner, name, breaks)
    more = (drag(9, (age / 4, 0.5, 0.5)), *some_controls(age))
    if where == "maker.remember":  # two groups of streams, the second of which fails
        more_streams, given = [streams[0], tiny_younger(tiny, twins[1])], [more, ()]
    else:
        more_streams, given = streams, [more, more]
    with pytest.raises(RuntimeError, match="out of memory"):
        tiny.step(more_streams, given)
    assert calls
    monkeypatch.undo()
    assert all(same(fingerprint(tiny, state), old) for state, old in zip(streams, before, strict=True))
    if where != "maker.remember":
        for state, twin in zip(streams, twins, strict=True):
            assert closest(run(tiny, state, 3), run(tiny, twin, 3)) <= 1


def test_pictures_are_handed_out_before_the_pass_for_later_chunks(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should that pass fail, the chunk is made again, with the same pictures."""
    state, out = tiny.start(settings_for(tiny)), []

    def fails(*_: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(tiny.lanes[state.size].maker, "remember", fails)
        with pytest.raises(RuntimeError, match="out of memory"):
            tiny.step([state], [()], out.append)
    assert state.chunk == 0 and len(out) == 1
    again = tiny.step([state], [()], out.append)
    assert state.chunk == 1 and out[1] == again
    assert np.array_equal(out[0][0].frames, again[0].frames)


def tiny_younger(tiny: Generator, state: Any) -> Any:
    """A stream of another age than the others, on the seat of `state`."""
    age = state.chunk
    tiny.release(state)
    young = tiny.start(settings_for(tiny, seed=5))
    for _ in range(1 if age == 0 else 0):
        tiny.step([young], [()])
    return young


def test_rewind_goes_back_to_the_end_of_a_chunk_exactly(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny, seed=3))
    run(tiny, state, 4)
    at_four = fingerprint(tiny, state)
    future = run(tiny, state, 8)
    tiny.rewind(state, 3)
    assert same(fingerprint(tiny, state), at_four)
    assert np.array_equal(run(tiny, state, 8), future)


@pytest.mark.parametrize("chunk", [0, 1, 5])
def test_rewind_into_the_sinks_and_the_first_window(tiny: Generator, chunk: int) -> None:
    state = tiny.start(settings_for(tiny, seed=3))
    whole = run(tiny, state, 10)
    tiny.rewind(state, chunk)
    assert np.array_equal(run(tiny, state, 9 - chunk), whole[4 * (chunk + 1) :])


def test_another_future_can_follow_a_rewind(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny, seed=3))
    whole = run(tiny, state, 6)
    tiny.rewind(state, 3)
    (result,) = tiny.step([state], [(PromptSet(prompts=(Prompt(text="a dog"),)),)])
    assert result.chunk == 4 and result.prompt == "a dog"
    assert closest(result.frames, whole[16:20]) > 4


def test_every_chunk_of_the_history_can_be_gone_back_to_and_no_other(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "card", with_history(tiny, 6))
    state = tiny.start(settings_for(tiny, seed=3))
    whole = run(tiny, state, 20)
    assert len(state.history) == 7 and state.history.stop == 20
    for chunk in (state.history.start - 1, 20, -1):
        with pytest.raises(ValueError, match="chunks 13 to 19 are kept"):
            tiny.rewind(state, chunk)
    for chunk in range(18, 12, -1):
        tiny.rewind(state, chunk)
        (result,) = tiny.step([state], [some_controls(state.chunk)])
        assert np.array_equal(result.frames, whole[4 * chunk + 4 : 4 * chunk + 8])


def with_history(tiny: Generator, chunks: int) -> Any:
    from dataclasses import replace

    return replace(tiny.card, history=chunks)


def stored(state: Any) -> tuple[int, int]:
    """How many records a stream keeps, and their bytes."""
    records = [*state.records, *state.sinks]
    tensors = [t for r in records for t in (r.key_value, r.latents) if t is not None]
    return len(records), sum(t.numel() * t.element_size() for t in tensors)


@pytest.mark.slow
def test_chunk_1000_sees_what_chunk_200_saw(tiny: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, shapes and positions are constant; only the picture goes on."""
    seen = []
    real = tiny.model.student.forward

    def forward(latents: Any, *args: Any, **known: Any) -> Any:
        shapes = [tuple(x.shape) for pair in known.get("context") or () for x in pair]
        seen.append((tuple(latents.shape), shapes, known.get("first_frame")))
        return real(latents, *args, **known)

    monkeypatch.setattr(tiny.model.student, "forward", forward)
    state = tiny.start(settings_for(tiny, steps=1))
    cache = cache_of(tiny, state)
    pointer, figures = cache.keys.data_ptr(), {}
    for chunk in range(1001):
        seen.clear()
        (result,) = tiny.step([state], [()])
        if chunk in (200, 1000):
            figures[chunk] = (list(seen), stored(state), len(state.history))
    assert figures[200] == figures[1000]
    assert cache.keys.data_ptr() == pointer
    assert result.frames.std() > 1, "the picture has not died"
    assert torch.isfinite(cache.keys).all()


def test_history_is_bounded(tiny: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "card", with_history(tiny, 6))
    state = tiny.start(settings_for(tiny, steps=1))
    sizes = []
    for _ in range(30):
        tiny.step([state], [()])
        sizes.append(stored(state))
    assert sizes[15] == sizes[29]


def test_unknown_words_are_noticed_with_their_control(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny, "a zorble in the meadow"))
    first, second = (tiny.step([state], [()])[0] for _ in range(2))
    assert [(n.code, n.id) for n in first.notices] == [("unknown_words", None)]
    assert "'zorble'" in first.notices[0].message
    assert second.notices == ()
    (third,) = tiny.step([state], [(PromptSet(id=4, prompts=(Prompt(text="a quilp"),)),)])
    assert [(n.code, n.id) for n in third.notices] == [("unknown_words", 4)]


def test_applied_controls_name_their_frames(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    tiny.step([state], [()])
    (result,) = tiny.step([state], [(drag(1, (0.25, 0.5, 0.5), id=3),)])
    assert [(applied.id, applied.frame) for applied in result.applied] == [(3, 4)]


def test_a_grid_of_many_points_is_taken(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    grids = [
        TrackBegin.model_validate(
            {"track": n, "kind": "pin", "points": [{"t": 0, "x": 0.5, "y": 0.5}],
             "grid": {"rows": 16, "cols": 16, "spacing": 0.05}}
        )
        for n in range(4)
    ]  # fmt: skip
    (result,) = tiny.step([state], [grids])
    assert math.isfinite(float(result.frames.mean()))


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(UnknownModel, match=r"'nothing'.*pocket"):
        Generator.load("nothing", device="cpu")
