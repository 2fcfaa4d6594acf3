"""Helpers for tests that make streams of the tiny generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from flowbrush.controls import CameraSet, Control, Point, Prompt, PromptSet, TrackBegin, TrackMove, Transition
from flowbrush.models.kv_cache import KVCache
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import Frames, StreamSettings
from flowbrush.pipelines.rollout.past import CachedPast
from flowbrush.pipelines.rollout.state import StreamState

FPS = 16.0


def settings_for(generator: Generator, prompt: str = "a cat in the meadow", **more: Any) -> StreamSettings:
    card = generator.card
    return StreamSettings(card.name, ((prompt, 1.0),), card.width, card.height, card.fps, **more)


def drag(track: int, *samples: tuple[float, float, float], id: int | None = None) -> TrackBegin:
    return TrackBegin(
        id=id, track=track, kind="drag", points=tuple(Point(t=t, x=x, y=y) for t, x, y in samples)
    )


def some_controls(chunk: int) -> tuple[Control, ...]:
    """A little of everything, at fixed chunks."""
    t = chunk * 4 / FPS
    if chunk == 1:
        return (drag(1, (t, 0.3, 0.5)), drag(2, (t, 0.7, 0.5)))
    if chunk == 3:
        return (
            CameraSet(mode="velocity", pan=(0.1, 0.0)),
            TrackMove(track=1, points=(Point(t=t + 0.2, x=0.4, y=0.6),)),
        )
    if chunk == 5:
        return (PromptSet(prompts=(Prompt(text="a dog"),), transition=Transition(chunks=3)),)
    return ()


def run(generator: Generator, state: StreamState, chunks: int) -> Frames:
    """The frames [F, H, W, 3] of the next `chunks` chunks, under `some_controls`."""
    frames = [generator.step([state], [some_controls(state.chunk)])[0].frames for _ in range(chunks)]
    if not frames:
        return np.zeros((0, generator.card.height, generator.card.width, 3), np.uint8)
    return np.concatenate(frames)


def fingerprint(generator: Generator, state: StreamState) -> dict[str, Any]:
    """Everything that the stream's future depends on, copied."""
    return {
        "chunk": state.chunk,
        "made": state.made,
        "seat": state.seat,
        "controls": state.controls,
        "latents": None if state.latents is None else state.latents.clone(),
        "memory": list(generator.family.dump(state.memory)),
        "records": [record.chunk for record in state.records],
        "sinks": [record.chunk for record in state.sinks],
        "attended": [
            cache_of(generator, state).take(state.seat, index)
            for index in cache_of(generator, state).attended(state.made)
        ],
    }


def cache_of(generator: Generator, state: StreamState) -> KVCache:
    """The cache that holds a stream's keys and values."""
    past = generator.lanes[state.size].past
    assert isinstance(past, CachedPast)
    return past.cache


def same(one: Any, other: Any) -> bool:
    """Whether two fingerprints are equal to the bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def closest(one: Sequence[int] | Frames, other: Sequence[int] | Frames) -> int:
    """The largest difference of two sets of frames, in levels of 255."""
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())
