"""Streams as people start them, measured: prompts alone, paths that start with the prompt, hands in mid-stream, verbs, drift.

Where a thing is, is read from the pixels (`flowbrush.training.evaluation.locate`); what a verb did, from the poses that the
stream keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowbrush.controls import Control, Point, TrackBegin
from flowbrush.limits import MAX_POINTS
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout.state import StreamState
from flowbrush.training.evaluation.locate import FOUND, SEARCH, locate
from flowbrush.training.evaluation.measures import fine_power, motion_energy
from flowbrush.training.evaluation.prompts import Pair
from flowbrush.training.world import lexicon
from flowbrush.training.world.living import LivingWorld
from flowbrush.training.world.sprites import SpriteBook

# Frames over which a position is averaged: a gait's own going to and fro is not an error of following.
GAIT = 12
COME_ROUND = 0.5  # of the frame in one chunk: who has gone off one side and come in at the other
GONE = 0.03  # of the frame: who has come further has gone somewhere
FAR = 0.1  # of the frame: who has come further has left its place
ALONE_FRAMES = 48  # frames of a stream that nobody touches
ROUND = 96  # frames of one round of the endless drag


def start(generator: Generator, prompt: str, seed: int, tracks: Sequence[TrackBegin] = ()) -> StreamState:
    card = generator.card
    return generator.start(
        StreamSettings(
            card.name, ((prompt, 1.0),), card.width, card.height, card.fps, seed, tracks=tuple(tracks)
        )
    )


def run(generator: Generator, state: StreamState, chunks: int, first: Sequence[Control] = ()) -> Tensor:
    """The next frames of a stream [F, 3, H, W] in 0..1; `first` are controls of the first chunk."""
    frames = [generator.step([state], [first if chunk == 0 else ()])[0].frames for chunk in range(chunks)]
    return torch.from_numpy(np.concatenate(frames)).permute(0, 3, 1, 2).float() / 255


def prompt_alone(generator: Generator, prompt: str, seed: int, chunks: int = ALONE_FRAMES // 4) -> float:
    """Motion energy of a stream that nobody touches."""
    state = start(generator, prompt, seed)
    try:
        return motion_energy(run(generator, state, chunks))
    finally:
        generator.release(state)


def world_energy(world: LivingWorld, name: str, scene: str, frames: int, clips: int = 3) -> float:
    """The world's own motion energy for the same prompt: one thing at rest in a scene, mean over clips."""
    made = (
        world.at_rest(np.random.default_rng([31_000, seed]), name, scene, frames) for seed in range(clips)
    )
    return float(np.mean([motion_energy(clip.frames.float() / 255) for clip in made]))


@dataclass
class Followed:
    """How a path was followed, in % of the width: where the thing was seen, with its gait averaged (a hop is above its base all the
    same), and where its base was; and whether it was seen all along it.
    """

    error_percent: float
    base_error_percent: float
    found: bool


def path(points: Sequence[tuple[float, float, float]], track: int = 1) -> TrackBegin:
    """A path of (seconds, x, y)."""
    return TrackBegin(track=track, kind="path", points=tuple(Point(t=t, x=x, y=y) for t, x, y in points))


def follow(generator: Generator, name: str, scene: str, seed: int, late: bool, book: SpriteBook) -> Followed:
    """A named thing on a path, which starts with the stream or, `late`, after two seconds where the thing then is."""
    size, rng = (generator.card.width, generator.card.height), np.random.default_rng([41_000, seed])
    ends = rng.uniform([0.25, 0.35], [0.75, 0.75], (3, 2))
    prompt = f"a {name} in the {scene}"
    first: list[Control]
    if late:
        state = start(generator, prompt, seed)
        run(generator, state, 8)
        ends[0] = place_of(state.memory, name, size)
        first = [path([(t, x, y) for t, (x, y) in zip((0.0, 1.0, 2.0), ends, strict=True)])]
    else:
        begun = path([(t, x, y) for t, (x, y) in zip((0.0, 1.0, 2.0), ends, strict=True)])
        state, first = start(generator, prompt, seed, [begun]), []
    shown, bases = [], []
    for chunk in range(8):
        shown.append(run(generator, state, 1, first if chunk == 0 else ()))
        bases.append(place_of(state.memory, name, size))
    frames = torch.cat(shown)
    layer = next((layer for layer in state.memory.layers if layer.label == name), None)
    generator.release(state)
    if layer is None:
        return Followed(100 * SEARCH / size[0], 100 * SEARCH / size[0], False)
    edge = layer.rgba.shape[-1] * layer.pose.scale
    times = np.arange(len(frames)) / generator.card.fps  # a path begins in the first frame that shows it
    wanted = np.stack([np.interp(times, (0.0, 1.0, 2.0), ends[:, axis]) * size[axis] for axis in (0, 1)], 1)
    off = np.array(bases) * size - wanted[3::4]
    base_error = float(np.linalg.norm(off, axis=1).mean()) * 100 / size[0]
    error, found = _error(frames, wanted, book, name, edge, size[0])
    return Followed(error, base_error, found)


def place_of(stack: LayerStack, name: str, size: tuple[int, int]) -> tuple[float, float]:
    """Where the layer called `name` stands, in frame sizes; the picture's middle where there is none."""
    for layer in stack.layers:
        if layer.label == name:
            return layer.pose.x / size[0], layer.pose.y / size[1]
    return 0.5, 0.5


def _error(
    frames: Tensor, wanted: np.ndarray, book: SpriteBook, name: str, edge: float, width: int
) -> tuple[float, bool]:
    """How far off in % of the width, with gaits averaged, and whether the thing was seen."""
    every = range(3, len(frames), 4)
    seen = [
        locate(frames[f], book, name, (float(wanted[f, 0]), float(wanted[f, 1])), edge, 0.0) for f in every
    ]
    offsets = np.array(
        [[one.x - wanted[f, 0], one.y - wanted[f, 1]] for f, one in zip(every, seen, strict=True)]
    )
    found = float(np.mean([one.explained for one in seen])) >= FOUND
    window = max(1, GAIT // 4)
    smooth = np.stack(
        [np.convolve(offsets[:, axis], np.ones(window) / window, "valid") for axis in (0, 1)], 1
    )
    return float(np.linalg.norm(smooth, axis=1).mean()) * 100 / width, found


def verb_done(generator: Generator, prompt: str, name: str, direction: str, seed: int) -> bool:
    """Whether the thing called `name` has gone where the prompt says."""
    (gone,) = ways_gone(generator, prompt, [name], seed)
    return _has_gone(gone, direction)


def left_its_place(generator: Generator, prompt: str, name: str, seed: int) -> bool:
    """Whether the thing called `name` has gone far to either side."""
    ((dx, _),) = ways_gone(generator, prompt, [name], seed)
    return abs(dx) > FAR


def _has_gone(gone: tuple[float, float], direction: str) -> bool:
    """Whether a way (across, down) goes to where a prompt says, and nowhere else as far."""
    dx, dy = gone
    along = {"left": -dx, "right": dx, "up": -dy, "down": dy}[direction]
    return along > GONE and along >= max(abs(dx), abs(dy)) - 1e-9


def ways_gone(
    generator: Generator, prompt: str, names: Sequence[str], seed: int, chunks: int = 16
) -> list[tuple[float, float]]:
    """How far each of the things of those names has gone by itself, across and down, in frame sizes."""
    state = start(generator, prompt, seed)
    size = generator.card.width, generator.card.height
    places = [np.array([place_of(state.memory, name, size) for name in names])]
    for _ in range(chunks):
        run(generator, state, 1)
        places.append(np.array([place_of(state.memory, name, size) for name in names]))
    generator.release(state)
    steps = np.diff(places, axis=0)  # [chunks, names, 2]
    steps[np.abs(steps) > COME_ROUND] = 0
    return [(float(dx), float(dy)) for dx, dy in steps.sum(0)]


def told_apart(generator: Generator, pair: Pair, seed: int) -> list[bool]:
    """Of each of a prompt's things, whether it has gone where it was told to, or to no side where it was told nothing."""
    gone = ways_gone(generator, pair.prompt, [name for name, _ in pair.told], seed)
    return [
        _has_gone(each, way) if way else abs(each[0]) <= GONE
        for each, (_, way) in zip(gone, pair.told, strict=True)
    ]


@dataclass
class Lap:
    """Figures of one round of an endless stream."""

    motion_energy: float
    fine_power: float
    error_percent: float


def endless(
    generator: Generator, name: str, scene: str, seed: int, marks: Sequence[int], book: SpriteBook
) -> list[Lap]:
    """One thing dragged round and round; one round is measured from each of `marks` (frames, multiples of four) on, so that it does
    not matter where on its way the thing is there.
    """
    card = generator.card
    size, laps = (card.width, card.height), []
    state = start(generator, f"a {name} in the {scene}", seed)
    last = max(marks) + ROUND
    every = math.ceil(last / (MAX_POINTS - 2))  # frames from one point of the path to the next
    at = np.arange(0, last + every, every)
    angle = 2 * np.pi * at / ROUND
    points = np.stack([0.5 + 0.2 * np.cos(angle), 0.55 + 0.15 * np.sin(angle)], 1)
    points += np.array(place_of(state.memory, name, size)) - points[0]
    ways = np.stack([np.interp(np.arange(last), at, points[:, axis]) for axis in (0, 1)], 1)
    first: list[Control] = [
        path([(f / card.fps, x, y) for f, (x, y) in zip(at.tolist(), points.tolist(), strict=True)])
    ]
    kept: dict[int, list[Tensor]] = {mark: [] for mark in marks}
    for chunk in range(last // 4):
        frames = run(generator, state, 1, first if chunk == 0 else ())
        for mark in marks:
            if mark <= chunk * 4 < mark + ROUND:
                kept[mark].append(frames)
    layer = next((layer for layer in state.memory.layers if layer.label == name), None)
    generator.release(state)
    edge = layer.rgba.shape[-1] * layer.pose.scale if layer is not None else 64.0
    for mark in marks:
        frames = torch.cat(kept[mark])
        wanted = ways[mark : mark + len(frames)] * size
        error, _ = _error(frames, wanted, book, name, edge, size[0])
        laps.append(Lap(motion_energy(frames), fine_power(frames), error))
    return laps


def glyphs() -> dict[str, str]:
    """Names and glyphs of all things of the world."""
    return {noun.name: noun.glyph for noun in lexicon.CORE + lexicon.EXTRA}
