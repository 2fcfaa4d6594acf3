"""Every Wan card, at a reduced size, through the one generator: the same promises that pocket keeps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from flowbrush.benchmarks.physics import chunk_flops
from flowbrush.controls import PromptSet, TrackBegin
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import RolloutSpec
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.media.image import fit_image
from flowbrush.pipelines.requests import StreamSettings

MOVING_BUFFER = replace(
    CARDS["rolling-forcing-1.3b"],
    name="moving-buffer",
    steps=3,
    start_steps=3,
    rollout=RolloutSpec(shift=5.0, joint=True, past="none"),
    student=replace(CARDS["rolling-forcing-1.3b"].student, sink=0, window=1),
)
MODELS = {**CARDS, MOVING_BUFFER.name: MOVING_BUFFER}
NAMES = [name for name, card in MODELS.items() if card.family == "wan"]


@pytest.fixture(scope="module", params=NAMES)
def generator(request):
    return small(request.param)


def small(name):
    return Generator.load(reduced(MODELS[name]), device="cpu", dtype="fp32", seats=3)


def begin(generator, seed=1, prompt="a red fox"):
    card = generator.card
    return generator.start(
        StreamSettings(card.name, ((prompt, 1.0),), card.width, card.height, card.fps, seed=seed)
    )


def cache_of(generator):
    """Keys and values of streams of the card's own size."""
    return generator.lanes[generator.card.width, generator.card.height].past.cache


def frames_of(generator, state, chunks, controls=None):
    return np.stack([generator.step([state], [(controls or {}).get(i, ())])[0].frames for i in range(chunks)])


def prompt(text, control=1, chunks=0):
    change = {"transition": {"chunks": chunks, "method": "linear"}} if chunks else {}
    return PromptSet.model_validate(
        {"type": "prompt.set", "id": control, "prompts": [{"text": text, "weight": 1.0}], **change}
    )


def drag(x, y, to_x, to_y, start, stop):
    points = [{"t": start, "x": x, "y": y}, {"t": stop, "x": to_x, "y": to_y}]
    return TrackBegin.model_validate(
        {"type": "track.begin", "id": 2, "track": 1, "kind": "drag", "points": points}
    )


@pytest.fixture(autouse=True)
def seats(request):
    yield
    if "generator" in request.fixturenames:
        made = request.getfixturevalue("generator")
        made.free[:] = range(made.seats)


def test_chunks_and_their_shapes(generator):
    card, state = generator.card, begin(generator)
    for index in range(2):
        result = generator.step([state], [()])[0]
        assert result.frames.shape == (card.chunk_frames, card.height, card.width, 3)
        assert (result.chunk, result.first_frame) == (index, index * card.chunk_frames)
    assert state.latents.shape[1] == card.student.chunk


def test_snapshot_goes_on_bit_exactly(generator):
    state = begin(generator)
    frames_of(generator, state, 4)
    copy = generator.restore(generator.snapshot(state))
    controls = {1: [prompt("a boat at sea")]}
    assert np.array_equal(frames_of(generator, state, 3, controls), frames_of(generator, copy, 3, controls))


def test_rewind_repeats_bit_exactly(generator):
    state = begin(generator)
    frames_of(generator, state, 3)
    controls = {1: [prompt("a boat at sea")]}
    first = frames_of(generator, state, 3, controls)
    generator.rewind(state, 2)
    assert np.array_equal(first, frames_of(generator, state, 3, controls))


def test_a_batch_is_each_alone(generator):
    alone = [frames_of(generator, begin(generator, seed), 2) for seed in (5, 6)]
    generator.free[:] = range(generator.seats)
    older, younger = begin(generator, 5), begin(generator, 6)
    first = generator.step([older], [()])[0].frames
    both = generator.step([older, younger], [(), ()])
    assert np.abs(both[0].frames.astype(int) - alone[0][1]).max() <= 1
    assert np.array_equal(first, alone[0][0]) and np.abs(both[1].frames.astype(int) - alone[1][0]).max() <= 1


def test_streams_of_different_age_go_through_the_student_together(generator):
    """Once their windows are full."""
    older, younger = begin(generator, 5), begin(generator, 6)
    full = generator.card.student.sink + generator.card.student.window
    frames_of(generator, older, full + 3)
    frames_of(generator, younger, full + 1)
    alone = generator.restore(generator.snapshot(older))
    expected = generator.step([alone], [()])[0].frames
    rows, forward = [], generator.model.student.forward

    def counted(latents, *args, **options):
        rows.append(len(latents))
        return forward(latents, *args, **options)

    generator.model.student.forward = counted
    made = generator.step([older, younger], [(), ()])[0].frames
    generator.model.student.forward = forward
    assert set(rows) == {2}
    assert np.abs(made.astype(int) - expected).max() <= 1


def test_a_failed_chunk_changes_nothing(generator, monkeypatch):
    state, twin = begin(generator), begin(generator)
    for stream in (state, twin):
        frames_of(generator, stream, 3)
    with monkeypatch.context() as patch:
        patch.setattr(
            generator.family, "decode", lambda *_: (_ for _ in ()).throw(RuntimeError("the decoder broke"))
        )
        with pytest.raises(RuntimeError, match="broke"):
            generator.step([state], [[prompt("a boat at sea")]])
    assert state.chunk == 3
    assert np.array_equal(frames_of(generator, state, 2), frames_of(generator, twin, 2))


def test_a_drag_reaches_the_picture(generator):
    still, dragged = begin(generator), begin(generator)
    for stream in (still, dragged):
        frames_of(generator, stream, 1)
    chunk_s = generator.card.chunk_frames / generator.card.fps
    control = drag(0.3, 0.5, 0.6, 0.5, chunk_s, 2 * chunk_s)
    a = generator.step([still], [()])[0].frames
    result = generator.step([dragged], [[control]])[0]
    assert not np.array_equal(a, result.frames)
    assert [applied.id for applied in result.applied] == [2]


def test_history_and_memory_stay_bounded(generator):
    state = begin(generator)
    card = replace(generator.card, history=2)
    generator.card = card
    for _ in range(12):
        generator.step([state], [()])
    assert len(state.records) <= 2 + state.window and state.chunk == 12
    assert state.history.stop == 12 and len(state.history) >= 2
    generator.card = replace(card, history=6)


def picture(seed):
    return np.random.default_rng(seed).integers(0, 255, (90, 70, 3), dtype=np.uint8)


def begin_with(generator, image, prompts=(("a red fox", 1.0),)):
    card = generator.card
    return generator.start(
        StreamSettings(card.name, prompts, card.width, card.height, card.fps, seed=1, image=image)
    )


def test_a_start_image_is_the_first_chunk_of_the_context(generator):
    card, state = generator.card, begin_with(generator, picture(1))
    held = fit_image(picture(1), card.width, card.height)[:, :, None].expand(
        -1, -1, card.chunk_frames, -1, -1
    )
    expected = generator.model.codec.encode(held, [()])[0][0]
    assert (state.chunk, state.made) == (0, 1) and torch.equal(state.latents, expected)
    result = generator.step([state], [()])[0]
    assert (result.chunk, result.first_frame, state.made) == (0, 0, 2)
    frames = result.frames
    assert frames.shape == (card.chunk_frames, card.height, card.width, 3)
    others = [
        frames_of(generator, stream, 1)[0] for stream in (begin_with(generator, picture(2)), begin(generator))
    ]
    assert all(not np.array_equal(frames, other) for other in others)


def test_the_first_frame_is_the_start_image_through_the_codec(generator):
    """Of every size; the picture has stood still for a chunk when it is first shown."""
    card, codec = generator.card, generator.model.codec
    for width, height in card.sizes:
        settings = StreamSettings(card.name, (), width, height, card.fps, seed=1, image=picture(1))
        frames = generator.step([generator.start(settings)], [()])[0].frames
        still = fit_image(picture(1), width, height)[:, :, None].expand(-1, -1, 2 * card.chunk_frames, -1, -1)
        expected = codec.stream(codec.encode(still, [()])[0], [()])[0][0].add(1).mul(127.5)  # [3, F, H, W]
        expected = expected[:, card.chunk_frames :].permute(1, 2, 3, 0).numpy()
        assert np.abs(frames[:4] - expected[:4]).max() <= 1
        assert np.abs(frames[4:] - expected[4:]).max() > 8, "the student goes on by itself"


def test_a_stream_with_a_start_image_is_put_away_and_taken_back_bit_exactly(generator):
    """Before its first chunk and after it; without a prompt, too."""
    state = begin_with(generator, picture(1), prompts=())
    copy = generator.restore(generator.snapshot(state))
    first = frames_of(generator, state, 3)
    assert np.array_equal(first, frames_of(generator, copy, 3))
    generator.rewind(state, 0)
    assert np.array_equal(first[1:], frames_of(generator, state, 2))


def test_a_start_image_and_a_text_share_a_batch_as_if_alone(generator):
    alone = [
        frames_of(generator, begin_with(generator, picture(1)), 1),
        frames_of(generator, begin(generator), 2)[1:],
    ]
    generator.free[:] = range(generator.seats)
    with_image, text = begin_with(generator, picture(1)), begin(generator)
    generator.step([text], [()])
    together = generator.step([with_image, text], [(), ()])
    for result, expected in zip(together, alone, strict=True):
        assert np.abs(result.frames.astype(int) - expected[0]).max() <= 1


def test_a_prompt_reaches_the_past_of_longlive_only_where_it_should():
    generator = small("longlive-1.3b")
    state = begin(generator)
    frames_of(generator, state, 6)
    cache = cache_of(generator)
    before = {index: cache.take(state.seat, index) for index in cache.attended(state.made)}
    generator.step([state], [[prompt("a boat at sea")]])
    changed = {index: not torch.equal(cache.take(state.seat, index), kept) for index, kept in before.items()}
    assert changed == {0: False, 4: True, 5: True}
    early = begin(generator, 2)
    frames_of(generator, early, 2)
    sink = cache.take(early.seat, 0)
    generator.step([early], [[prompt("a boat at sea")]])
    assert not torch.equal(cache.take(early.seat, 0), sink)


def test_a_transition_works_the_past_of_longlive_out_again_once():
    generator = small("longlive-1.3b")
    state = begin(generator)
    frames_of(generator, state, 6)
    control, replaced = [prompt("a boat at sea", chunks=3)], []
    for chunk in range(5):
        generator.step([state], [control if chunk == 0 else ()])
        replaced.append(sorted(state.records[-1].replaced))
    assert replaced == [[], [], [6, 7], [], []]


def test_a_prompt_with_every_chunk_costs_way_back_and_no_memory():
    generator = small("longlive-1.3b")
    state = begin(generator)
    frames_of(generator, state, 20)

    def held():
        kept = [record.key_value for record in {id(r): r for r in (*state.sinks, *state.records)}.values()]
        return len(kept) + sum(len(record.replaced) for record in state.records)

    before, history = held(), len(state.history)
    for chunk in range(8):
        generator.step([state], [[prompt(f"picture {chunk}", control=chunk + 1)]])
    assert held() <= before and 1 <= len(state.history) < history
    generator.rewind(state, state.history.start)
    frames_of(generator, state, 12)
    assert len(state.history) == history


def test_reward_forcing_mixes_what_leaves_into_the_sink():
    generator = small("reward-forcing-1.3b")
    state = begin(generator)
    frames_of(generator, state, 2)
    cache = cache_of(generator)
    sink, leaving = cache.take(state.seat, 0), cache.take(state.seat, 1)
    generator.step([state], [()])
    torch.testing.assert_close(cache.take(state.seat, 0), 0.999 * sink + 0.001 * leaving)


def test_rolling_forcing_keeps_four_chunks_under_way():
    generator = small("rolling-forcing-1.3b")
    state, calls = begin(generator), []
    enter = generator.model.student._enter  # every pass begins there, a clean one too

    def counted(latents, *args, **options):
        calls.append(latents.shape[2])
        return enter(latents, *args, **options)

    generator.model.student._enter = counted
    generator.step([state], [()])
    assert calls == [3, 6, 9, 12, 15, 3]
    assert state.pending.shape[1] == 12
    calls.clear()
    for _ in range(2):
        generator.step([state], [()])
    assert calls == [15, 3, 15, 3]


def test_a_moving_buffer_makes_one_pass_a_chunk():
    generator = small("moving-buffer")
    state, calls = begin(generator), []
    forward = generator.model.student.forward

    def counted(latents, timestep, *args, **options):
        calls.append(timestep[0, ::3].round().tolist())
        return forward(latents, timestep, *args, **options)

    generator.model.student.forward = counted
    frames_of(generator, state, 3)
    full = [714, 909, 1000]
    assert calls == [full[2:], full[1:], full, full, full] and state.pending.shape[1] == 6
    assert chunk_flops(MOVING_BUFFER, 3) < chunk_flops(CARDS["rolling-forcing-1.3b"], 3)


def test_krea_makes_no_clean_pass():
    generator = small("krea-14b")
    state, calls = begin(generator), []
    enter = generator.model.student._enter  # every pass begins there, a clean one too

    def counted(latents, timestep, *args, **options):
        calls.append(float(timestep.max()))
        return enter(latents, timestep, *args, **options)

    generator.model.student._enter = counted
    frames_of(generator, state, 2)
    levels = [1000, 937.5, 833.3333, 625, 0]
    assert calls == pytest.approx([*levels, 0, *levels])


def test_positions_from_the_start_stop_where_training_did():
    card = reduced(CARDS["self-forcing-1.3b"])
    card = replace(card, rollout=replace(card.rollout, positions="absolute"))
    cache = cache_of(Generator.load(card, device="cpu", dtype="fp32", seats=1))
    assert cache.places([0, 1]) == [0, 3, 6]
    late = cache.places([998, 999])
    assert late[-1] + 3 <= 1024 and late == [late[-1] - 6, late[-1] - 3, late[-1]]
