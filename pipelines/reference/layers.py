"""Layers of a picture: a background and the things before it, each cut out once and never redrawn. Immutable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from flowbrush.pipelines.reference.pose import STILL, Similarity
from flowbrush.pipelines.reference.tones import DAY, Tone

SOLID = 0.5  # opacity from which on a hand takes hold of a layer: below it more is seen of what is behind
FINGER = 0.035  # of the picture's shorter side: a hand that misses by less still takes a layer; some are empty in their middle
MOST = 64
"""Layers of a picture that a hand may cut out more of: each costs every chunk, and nobody holds apart so many."""

Told = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Seat:
    """Where a layer sits: on the one of that `label` and `number`, its middle `at` (x, y) pixels of that one's cut-out, counted
    from its centre; without a label it is a place in the picture. Who is on the way to another has that as a `goal`, (x, y) and
    the scale of its pose, and is there after so many `chunks`.
    """

    label: str
    number: int
    at: tuple[float, float]
    goal: tuple[float, float, float] | None = None
    chunks: float = 0.0

    @property
    def carrier(self) -> tuple[str, int]:
        return self.label, self.number


@dataclass(frozen=True)
class Lead:
    """That one hand holds a layer and leads it: where it took it, `start` (x, y) in pixels of the picture, and how many pixels it
    has led it `against` where it looks, of late.
    """

    start: tuple[float, float]
    against: float = 0.0


@dataclass(frozen=True)
class Layer:
    """A thing: premultiplied `rgba` [4, h, w] in 0..1, what it is called, and where it stands.

    `pose` takes pixels of the cut-out, counted from its centre, to pixels of the picture. `hands` are the tracks that hold it.
    `depth` 0..1 says how near it is: a camera that pans moves what is near further. `opacity` fades layers that come, or that are
    `leaving`; in the chunk in which it changes it goes there from what was `shown`. `number` tells things of one label apart, in
    the order in which a prompt named them. `pace` is the greatest that it has had, of late, to where it was told to go: pixels a
    chunk. `seat` says on which other one it sits, if it does. `told` are the former prompts (texts with weights) that it goes on
    with, since those of now say nothing of it. `looks` is the side to which it looks ("left" or "right"), "" for what was `cut`
    from a photo; who goes forward and is held by one hand has that one's `lead`. `unrest` 0..1 is how much there is of the
    motion that a student makes of it.
    """

    rgba: Tensor
    label: str
    pose: Similarity
    hands: frozenset[int] = frozenset()
    depth: float = 0.0
    opacity: float = 1.0
    leaving: bool = False
    number: int = 0
    pace: float = 0.0
    seat: Seat | None = None
    told: Told = ()
    looks: str = ""
    lead: Lead | None = None
    shown: float | None = None
    cut: bool = False
    unrest: float = 1.0

    @property
    def extents(self) -> tuple[float, float]:
        """Across and down, in pixels of the picture; it is counted as if it stood upright."""
        down, across = (edge * self.pose.scale for edge in self.rgba.shape[-2:])
        return across, down

    @property
    def foot(self) -> float:
        """How far down in the picture it stands, in pixels; it is counted as if it stood upright."""
        return self.pose.y + self.extents[1] / 2

    @property
    def held(self) -> bool:
        return bool(self.hands)

    @property
    def gone(self) -> bool:
        """Whether it has left."""
        return self.leaving and self.opacity <= 0


@dataclass(frozen=True)
class Hole:
    """Ground that is filled in: `mask` [1, H + 2 my, W + 2 mx], 1 in the hole, and how many of the steps to it are `done`."""

    mask: Tensor
    done: int = 0


@dataclass(frozen=True)
class LayerStack:
    """`background` [3, H + 2 my, W + 2 mx] in 0..1 for pictures of H x W, `margin` (mx, my) pixels larger on each side for a
    camera, and how sure it is, `confidence` [1, …]: 1 where it was seen, less where it was filled in. `layers` from back to front.
    `camera` takes the background's pixels to those of the picture. `empty` are tracks that hold nothing, `unfound` those of them
    that go a way of their own where nothing was found. `label` is the scene's name, empty for a photo; `prompt` (texts with
    weights) and `seed` are what it was staged for. While a new prompt takes over, `share` of the next background is seen at the
    end of a chunk, `shown` of it at the end of the one before. Of `hole` only a rough fill is there yet. `bent` [2, h, w] are the
    flows of things in the last frame, as `flowbrush.pipelines.animation.bending.Bends` has them. All is shown in a `tone`, and has
    another one at the end of the transition, `next_tone`, if there is one.
    """

    background: Tensor
    confidence: Tensor
    layers: tuple[Layer, ...] = ()
    camera: Similarity = STILL
    margin: tuple[int, int] = (0, 0)
    empty: frozenset[int] = frozenset()
    label: str = ""
    prompt: Told = ()
    seed: int = 0
    next_background: Tensor | None = None
    next_label: str = ""
    share: float = 0.0
    hole: Hole | None = None
    shown: float | None = None
    bent: Tensor | None = None
    tone: Tone = DAY
    next_tone: Tone | None = None
    unfound: frozenset[int] = frozenset()

    @property
    def of_photo(self) -> bool:
        """Whether it shows a photo, and is on its way to no scene."""
        return not (self.label or self.next_label)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        (across, down), (height, width) = self.margin, self.background.shape[1:]
        return height - 2 * down, width - 2 * across

    @property
    def hands(self) -> frozenset[int]:
        """All tracks that hold a layer, or nothing."""
        return self.empty.union(*(layer.hands for layer in self.layers))

    def at(self, x: float, y: float) -> int | None:
        """The index of the front layer under a point in pixels; None where there is only background."""
        reach = FINGER * min(self.size)
        for index in reversed(range(len(self.layers))):
            if opacity_near(self.layers[index], x, y, reach) >= SOLID:
                return index
        return None

    def carriers(self) -> dict[int, int]:
        """The places of layers that sit on others, each with the place of the one it sits on. A hand lifts who it takes."""
        places = {
            (layer.label, layer.number): place for place, layer in enumerate(self.layers) if layer.label
        }
        return {
            place: places[layer.seat.carrier]
            for place, layer in enumerate(self.layers)
            if layer.seat and not layer.held and layer.seat.carrier in places
        }

    def with_layer(self, index: int, layer: Layer) -> LayerStack:
        """With another layer in place of one."""
        return replace(self, layers=(*self.layers[:index], layer, *self.layers[index + 1 :]))

    def in_front(self, layer: Layer, index: int | None = None) -> LayerStack:
        """With `layer` before all others, but for those that sit on it: a new one, or the one that was at `index`."""
        others = [other for place, other in enumerate(self.layers) if place != index]
        riders = [
            other
            for other in others
            if layer.label and other.seat and other.seat.carrier == (layer.label, layer.number)
        ]
        others = [other for other in others if other not in riders]
        return replace(self, layers=(*others, layer, *riders))

    def with_all(self, layers: Sequence[Layer]) -> LayerStack:
        """With these layers, from back to front; what hands hold, and who sits on that, before all others."""
        held = {(layer.label, layer.number) for layer in self.layers if layer.held and layer.label}

        def is_in_front(layer: Layer) -> bool:
            return layer.held or (layer.seat is not None and layer.seat.carrier in held)

        return replace(self, layers=tuple(sorted(layers, key=is_in_front)))

    def arrived(self) -> LayerStack:
        """At the end of a chunk: what has left is gone, and the scene that was dissolved to is the scene."""
        layers = tuple(replace(layer, shown=None) for layer in self.layers if not layer.gone)
        stack = replace(self, layers=layers, shown=None)
        if self.share < 1:
            return stack
        if self.next_tone is not None:
            stack = replace(stack, tone=self.next_tone, next_tone=None)
        if self.next_background is None:
            return stack
        return replace(
            stack,
            background=self.next_background,
            confidence=torch.ones_like(self.confidence),
            label=self.next_label,
            next_background=None,
            next_label="",
            share=0.0,
            hole=None,
        )

    def without_hands(self, hands: frozenset[int]) -> LayerStack:
        """What these tracks held is let go, and stays where it was put."""
        layers = tuple(replace(layer, hands=layer.hands - hands) for layer in self.layers)
        return replace(self, layers=layers, empty=self.empty - hands, unfound=self.unfound - hands)

    def let_go(self, hands: frozenset[int]) -> LayerStack:
        """As `without_hands`; what is just coming comes before all that no hand holds any more: it had come behind that."""
        stack = self.without_hands(hands)
        freed = any(was.held and not layer.held for was, layer in zip(self.layers, stack.layers, strict=True))
        coming = [layer.opacity < 1 and not (layer.leaving or layer.held) for layer in stack.layers]
        if not freed or not any(coming):
            return stack
        order = sorted(range(len(coming)), key=coming.__getitem__)
        return stack.with_all([stack.layers[place] for place in order])


def opacity_near(layer: Layer, x: float, y: float, reach: float) -> float:
    """The largest opacity of a layer within `reach` pixels of a point of the picture."""
    height, width = layer.rgba.shape[-2:]
    inner = layer.pose.inverse
    u, v = (inner(_point(x, y)) + _point(width / 2, height / 2)).tolist()
    radius = max(0.5, reach * inner.scale)
    top, bottom = max(0, int(v - radius)), min(height, int(v + radius) + 1)
    left, right = max(0, int(u - radius)), min(width, int(u + radius) + 1)
    if top >= bottom or left >= right:
        return 0.0
    return float(layer.rgba[3, top:bottom, left:right].max()) * layer.opacity


def _point(x: float, y: float) -> np.ndarray:
    return np.array([x, y])
