"""Video in: the picture follows the client's own, by as much as was asked for; controls work on top."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from flowbrush.controls import Point, TrackBegin
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.schedule import NoiseStep
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.families.source import beginning, frames_tensor, steps_below
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference import live_ground
from flowbrush.pipelines.reference.acquire import seen
from flowbrush.pipelines.requests import SourceClip, StreamSettings, check_settings

OTHERS = ["krea-14b", "rolling-forcing-1.3b"]  # a past worked out again; chunks denoised together


@pytest.fixture(scope="module")
def wan():
    return small("wan-1.3b")


def small(name):
    return Generator.load(reduced(CARDS[name]), device="cpu", dtype="fp32", seats=3)


@pytest.fixture(autouse=True)
def seats(request):
    yield
    if "wan" in request.fixturenames:
        made = request.getfixturevalue("wan")
        made.free[:] = range(made.seats)


def begin(generator, seed=1, **more):
    card = generator.card
    return generator.start(
        StreamSettings(card.name, (("a red fox", 1.0),), card.width, card.height, card.fps, seed=seed, **more)
    )


def clip(generator, seed=0, strength=0.5):
    """Smooth pictures that move: not noise, which no codec keeps."""
    card = generator.card
    x = np.linspace(0, 1, card.width)[None, :, None]
    y = np.linspace(0, 1, card.height)[:, None, None]
    phases = np.arange(card.chunk_frames) / 7 + seed
    frames = [0.5 + 0.5 * np.sin(6 * (x + np.array([0, 0.3, 0.6])) + 4 * y + phase) for phase in phases]
    return SourceClip((np.stack(frames) * 255).astype(np.uint8), strength)


def step(generator, state, source=None, controls=()):
    return generator.step([state], [controls], sources=[source])[0]


def drag(t):
    points = (Point(t=t, x=0.4, y=0.5), Point(t=t + 0.6, x=0.7, y=0.5))
    return TrackBegin(id=2, track=1, kind="drag", points=points)


def test_steps_begin_at_the_source_s_level_and_go_on_as_the_model_s():
    steps = [NoiseStep(1000 * level, level) for level in (1.0, 0.9, 0.6, 0.3)]
    assert [s.level for s in steps_below(steps, 0.5)] == [0.5, 0.3]
    assert steps_below(steps, 1.0)[0].level == 1.0 and len(steps_below(steps, 1.0)) == 4
    assert steps_below(steps, 0.0) == []
    assert beginning([], steps, None, False).start is None


def test_at_full_strength_the_picture_is_the_source_through_the_codec(wan):
    state, source = begin(wan), clip(wan, strength=1.0)
    second = clip(wan, 1, 1.0)
    step(wan, state, source)
    step(wan, state, second)
    codec, both = (
        wan.model.codec,
        torch.cat([frames_tensor(each, wan.placement.device) for each in (source, second)], 2),
    )
    at_once = codec.encode(both, [()])[0]
    assert torch.allclose(state.latents, at_once[0, :, -wan.card.student.chunk :], atol=1e-5), (
        "encoded as one stream"
    )


@pytest.mark.parametrize("name", OTHERS)
def test_every_kind_of_student_comes_nearer_to_the_source_with_strength(name):
    the_more_strength_the_nearer(small(name), (0.0, 0.95))


def test_the_more_strength_the_nearer_to_the_source(wan):
    the_more_strength_the_nearer(wan, (0.0, 0.5, 0.95))


def the_more_strength_the_nearer(wan, strengths):
    goal = wan.family.codec.encode(frames_tensor(clip(wan), wan.placement.device), [()])[0][0]
    apart = []
    for strength in strengths:
        state = begin(wan)
        step(wan, state, clip(wan, strength=strength))
        apart.append(float((state.latents - goal).pow(2).mean()))
        wan.release(state)
    assert apart == sorted(apart, reverse=True), apart


def test_without_strength_a_source_changes_nothing(wan):
    plain, followed = begin(wan), begin(wan)
    a, b = step(wan, plain), step(wan, followed, clip(wan, strength=0.0))
    assert np.array_equal(a.frames, b.frames)


def test_a_hand_drags_what_a_source_shows(wan):
    still, dragged = begin(wan), begin(wan)
    for stream in (still, dragged):
        step(wan, stream, clip(wan))
    seconds = wan.card.chunk_frames / wan.card.fps
    a = step(wan, still, clip(wan))
    b = step(wan, dragged, clip(wan), [drag(seconds)])
    assert not np.array_equal(a.frames, b.frames) and a.quiet and not b.quiet


def test_streams_with_and_without_a_source_go_together_as_if_alone(wan):
    sources = [clip(wan, 1, 0.4), None, clip(wan, 2, 0.8)]
    alone = [step(wan, begin(wan, seed), source).frames for seed, source in enumerate(sources)]
    wan.free[:] = range(wan.seats)
    states = [begin(wan, seed) for seed in range(3)]
    together = wan.step(states, [()] * 3, sources=sources)
    for result, expected in zip(together, alone, strict=True):
        assert np.abs(result.frames.astype(int) - expected).max() <= 1


def test_a_stream_that_follows_a_source_is_put_away_and_taken_back_bit_exactly(wan):
    state = begin(wan, source=True)
    for seed in range(2):
        step(wan, state, clip(wan, seed))
    copy = wan.restore(wan.snapshot(state))
    assert copy.settings.source and len(copy.carried) == len(state.carried) > 0
    one, other = (step(wan, stream, clip(wan, 2)).frames for stream in (state, copy))
    assert np.array_equal(one, other)
    wan.rewind(state, 0)
    assert state.carried == (), "what was encoded later is not what comes before"


def test_a_chunk_that_fails_leaves_the_source_where_it_was(wan, monkeypatch):
    state, twin = begin(wan), begin(wan)
    for stream in (state, twin):
        step(wan, stream, clip(wan))
    with monkeypatch.context() as patch:
        patch.setattr(wan.family, "decode", lambda *_: (_ for _ in ()).throw(RuntimeError("it broke")))
        with pytest.raises(RuntimeError, match="broke"):
            step(wan, state, clip(wan, 1))
    frames = [step(wan, stream, clip(wan, 1)).frames for stream in (state, twin)]
    assert np.array_equal(*frames)


@pytest.mark.parametrize(
    ("frames", "strength", "why"),
    [
        (lambda f: f[:-1], 0.5, "a source's clip must be uint8"),
        (lambda f: f[:, ::2], 0.5, "a source's clip must be uint8"),
        (lambda f: f.astype(np.float32), 0.5, "float32"),
        (lambda f: f, 1.5, "strength is in 0..1, not 1.5"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused_and_the_stream_goes_on(wan, frames, strength, why):
    state = begin(wan)
    with pytest.raises(ValueError, match=why):
        step(wan, state, SourceClip(frames(clip(wan).frames), strength))
    assert step(wan, state, clip(wan)).chunk == 0


def test_a_stream_of_a_source_needs_no_prompt(wan):
    card = wan.card
    settings = StreamSettings(card.name, (), card.width, card.height, card.fps, source=True)
    step(wan, wan.start(settings), clip(wan))
    with pytest.raises(ValueError, match="a start image, or a source"):
        check_settings(card, replace(settings, source=False))


# ---- pocket: the source is the ground behind the things


def test_pocket_has_the_source_as_its_ground(tiny):
    """At full strength nothing of its own moves it; what it lays before it, and nothing else, keeps it from being quiet."""
    card = tiny.card
    state = tiny.start(StreamSettings(card.name, (), card.width, card.height, card.fps, source=True))
    source = clip(tiny, strength=1.0)
    result = step(tiny, state, source)
    assert not state.memory.layers and result.quiet
    assert np.abs(result.frames.astype(int) - source.frames).max() <= 1


def test_a_hand_cuts_out_what_the_source_shows_and_the_source_goes_on_behind(tiny):
    state = tiny.start(
        StreamSettings(tiny.card.name, (), tiny.card.width, tiny.card.height, tiny.card.fps, source=True)
    )
    square = (((0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.3, 0.6)),)
    taking = TrackBegin(
        track=1, kind="drag", points=(Point(t=0, x=0.45, y=0.45), Point(t=0.25, x=0.8, y=0.45)), region=square
    )
    source = clip(tiny, strength=1.0)
    result = step(tiny, state, source, [taking])
    held = [layer for layer in state.memory.layers if not layer.label]
    assert len(held) == 1 and held[0].held and result.held and not result.quiet
    assert held[0].rgba[:3].amax() > 0.1, "it shows what the source showed"
    assert torch.equal(state.memory.background, tiny.start(state.settings).memory.background), (
        "and left no hole"
    )
    tiny.free[:] = range(tiny.seats)


def test_what_was_staged_shows_through_as_far_as_the_source_is_not_followed(tiny):
    card = tiny.card
    state = tiny.start(StreamSettings(card.name, (), card.width, card.height, card.fps, source=True))
    source = clip(tiny, strength=0.25)
    video = live_ground.frames(source, tiny.placement.device)
    both = live_ground.mixed(state.memory, video[0], 0.25)
    assert torch.allclose(both, 0.75 * seen(state.memory) + 0.25 * video[0], atol=1e-6)
    shown = live_ground.shown(state.memory, both)
    assert torch.equal(seen(shown), both) and shown.size == state.memory.size
    assert not shown.label, "a hand takes what a video shows, as of a photo"
    assert live_ground.behind(shown, state.memory).label == state.memory.label == "meadow"
    tiny.release(state)


def test_the_last_picture_of_a_source_stays_when_it_ends(tiny):
    card = tiny.card
    state = tiny.start(StreamSettings(card.name, (), card.width, card.height, card.fps, source=True))
    source = clip(tiny, strength=1.0)
    step(tiny, state, source)
    staged = state.memory.background.clone()
    step(tiny, state)
    last = torch.from_numpy(source.frames[-1]).permute(2, 0, 1) / 255
    assert torch.allclose(state.memory.background, last, atol=1e-6) and state.carried == ()
    assert staged.shape != last.shape or not torch.equal(staged, state.memory.background)
    tiny.release(state)
