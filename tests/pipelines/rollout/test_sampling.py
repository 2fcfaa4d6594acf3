"""Pictures of a chunk that does not count yet."""

from __future__ import annotations

import numpy as np
from stream_helpers import fingerprint, run, same, settings_for

from flowbrush.pipelines.conditions.controls import fold
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.rollout.inputs import ChunkInputs
from flowbrush.pipelines.rollout.sampling import Sampled
from flowbrush.pipelines.rollout.side_stream import timestamp
from flowbrush.pipelines.rollout.state import StreamState


def sampled(generator: Generator, state: StreamState) -> Sampled:
    frames, aspect = generator.card.chunk_frames, generator.lanes[state.size].aspect
    after, plan = fold(state.controls, (), state.chunk * frames, frames, generator.card.fps, aspect)
    inputs = ChunkInputs(after, plan, generator.family.take_reference(state.memory, plan))
    return generator.sampler.sample([state], [inputs], timestamp(generator.placement.device))


def test_pictures_change_no_stream_and_are_those_of_the_step(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny, seed=3))
    run(tiny, state, 6)
    before = fingerprint(tiny, state)
    first, again = sampled(tiny, state), sampled(tiny, state)
    assert same(fingerprint(tiny, state), before)
    (result,) = tiny.step([state], [()])
    for made in (first, again):
        assert made.results[0].chunk == result.chunk == 6
        assert np.array_equal(made.results[0].frames, result.frames)
