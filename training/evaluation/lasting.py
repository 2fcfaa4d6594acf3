"""Streams that nobody touches, early and after minutes: is the thing still there, does it still look like itself, does all of it
still move? Read from the pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.rollout.state import StreamState
from flowbrush.training.evaluation.locate import FOUND, locate
from flowbrush.training.evaluation.measures import motion_energy
from flowbrush.training.evaluation.streams import ALONE_FRAMES, start
from flowbrush.training.world.sprites import SpriteBook

MARK = 2000  # the frame from which on a stream is looked at again, as long as at its beginning
APART = 0.5  # of its size: the farthest that a thing's pixels may be from where its layer stands
ALIVE = (0.5, 2.0)  # of the world's motion energy


@dataclass(frozen=True)
class Look:
    """One frame's thing: how well it fits its picture (`explained`), how far in its sizes from its layer, how its pixels differ."""

    explained: float
    away: float
    difference: float


LOST = Look(0.0, np.inf, 1.0)


@dataclass
class Spell:
    """ALONE_FRAMES frames of a stream: all of them, and looks at its thing at the end of each chunk."""

    frames: list[Tensor] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    @property
    def energy(self) -> float:
        return motion_energy(torch.cat(self.frames).float() / 255)

    @property
    def recognised(self) -> bool:
        """Whether the thing is seen, on average over the looks, and seen where its layer is."""
        explained = float(np.mean([look.explained for look in self.looks]))
        return explained >= FOUND and float(np.median([look.away for look in self.looks])) <= APART

    @property
    def difference(self) -> float:
        """From the thing's own picture, root mean square of colours in 0..1, mean over the looks."""
        return float(np.mean([look.difference for look in self.looks]))


def look(frame: Tensor, layer: Layer | None, name: str, book: SpriteBook) -> Look:
    """The thing called `name` in `frame` [3, H, W] in 0..1, near where its layer stands."""
    height, width = frame.shape[1:]
    if layer is None or not (0 <= layer.pose.x < width and 0 <= layer.pose.y < height):
        return LOST
    size = layer.rgba.shape[-1] * layer.pose.scale
    seen = locate(frame, book, name, (layer.pose.x, layer.pose.y), size, layer.pose.angle)
    away = float(np.hypot(seen.x - layer.pose.x, seen.y - layer.pose.y)) / size
    return Look(seen.explained, away, seen.difference)


def lasting(
    generator: Generator,
    prompts: Sequence[tuple[int, str, str]],
    mark: int,
    book: SpriteBook,
    tell: Callable[[int], None] = lambda frame: None,
) -> list[tuple[Spell, Spell]]:
    """Streams of prompts (seed, prompt, the thing's name), made side by side: each one's first ALONE_FRAMES frames, and as many
    from `mark` (a multiple of four) on. The generator has a seat for each.
    """
    states = [start(generator, prompt, seed) for seed, prompt, _ in prompts]
    spells = [(Spell(), Spell()) for _ in states]
    try:
        for begin in range(0, mark + ALONE_FRAMES, 4):
            results = generator.step(states, [()] * len(states))
            tell(begin + 4)
            for each, result, state, (*_, name) in zip(spells, results, states, prompts, strict=True):
                for spell, first in zip(each, (0, mark), strict=True):
                    if first <= begin < first + ALONE_FRAMES:
                        _add(spell, torch.from_numpy(result.frames), state, name, book)
    finally:
        for state in states:
            generator.release(state)
    return spells


def _add(spell: Spell, frames: Tensor, state: StreamState, name: str, book: SpriteBook) -> None:
    """A chunk's frames [F, H, W, 3]; the thing is where its layer is at the end of the chunk."""
    pictures = frames.permute(0, 3, 1, 2)
    layer = next((layer for layer in state.memory.layers if layer.label == name), None)
    spell.frames.append(pictures)
    spell.looks.append(look(pictures[-1].float() / 255, layer, name, book))


def figures(spells: Sequence[Spell], energies: Sequence[float]) -> dict[str, float]:
    """Of one spell of every stream, with the world's motion energies for the same prompts."""
    shares = [spell.energy / energy for spell, energy in zip(spells, energies, strict=True)]
    alive = [ALIVE[0] <= share <= ALIVE[1] for share in shares]
    known = [spell.recognised for spell in spells]
    return {
        "recognised": float(np.mean(known)),
        "alive": float(np.mean(alive)),
        "both": float(np.mean(np.logical_and(known, alive))),
        "median_of_world": float(np.median(shares)),
        "difference": float(np.mean([spell.difference for spell in spells])),
    }
