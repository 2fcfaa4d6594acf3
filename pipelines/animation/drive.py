"""What things do by themselves becomes theirs: poses after the drive that the student said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.animation.bending import Bases
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.pose import turned_about
from flowbrush.pipelines.staging.seats import carried

LEAST_DRIVE = 0.375  # pixels a chunk, and a hundredth of that in radians: what rests must not creep by the student's small errors
# Of a thing's size: who has gone off one side but for so much comes in at the other with as much. With 0.16 the student does not
# see enough of some that come in, and they stay outside.
SEEN = 0.28
# Who is told to go has at least so much of the greatest pace that the student has said, which is forgotten by so much a chunk:
# behind another thing, and after half a minute, the student says nothing more, and it would stand there for good.
LEAST_PACE, PACE_KEPT = 0.6, 0.99
TROOP_PACE = 0.9  # the same of the fastest one of several of a kind: at 0.6 two ducks come to lie on each other within six seconds
PASSED = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "level left": (0, -1), "level right": (0, 1)}
"""Ways that end at no ground, so that one can go on: along which axis of (x, y), and which way there."""
LEVEL = frozenset({"level left", "level right"})
"""Ways of what flies or swims, which comes neither up nor down on it: the student's small errors take it to the ground else."""
NOBODY: Mapping[int, str] = MappingProxyType({})


def drive(
    stack: LayerStack,
    own: Tensor,
    gained: Tensor,
    staying: frozenset[int] = frozenset(),
    passing: Mapping[int, str] = NOBODY,
    floating: frozenset[int] = frozenset(),
    going_off: frozenset[int] = frozenset(),
    upright: frozenset[int] = frozenset(),
    chases: Mapping[int, str] = NOBODY,
) -> LayerStack:
    """Poses after what the things did by themselves: `gained` [3, h, w] shift in pixels and turn, averaged over each thing's cells,
    `own` [layers, h, w].

    A hand rules where a thing is; its rotation (a ball that rolls) is its own. What was cut from a photo stays where it was put as
    long as no prompt has named it, and comes up and down only where it is told to: the student would have it stand on a ground of
    its own world. The layers at the places `staying` are not carried across the picture: where things meet, the student
    takes one along with the other. Those `passing` were told to go to the left, to the right or up (one of PASSED): they go off
    that side and come in at the other, so they have somewhere to go for as long as the stream lives; but for those `going_off`, who
    leave there. Those `floating` are on water,
    and come neither up nor down; those `upright` do not turn: round things of the student's world roll, and a cup lay on its side
    when it had run to the left. Those of one of the `chases` go at about one pace. Who sits on another goes where that goes.
    """
    sitting, paces = stack.carriers(), troop_paces(stack, passing, chases)
    for index, (layer, gain) in enumerate(zip(stack.layers, mean_gains(gained, own), strict=True)):
        if layer.label and index not in sitting:
            dx, dy, turn = gain.tolist()
            turn = 0.0 if index in upright else turn
            by, pace = np.array([0.0 if index in staying else dx, dy]), 0.0
            told = "" if layer.held else passing.get(index, "")
            way = PASSED.get(told)
            level = told in LEVEL or index in floating or (layer.cut and told != "up")
            by[1] = 0.0 if level else by[1]
            if way:
                pace, count = paces[_troop(layer, told, chases.get(index))]
                least = TROOP_PACE if count > 1 else LEAST_PACE
                by[way[0]], pace = kept_up(float(by[way[0]]), pace, way[1], least)
            elif layer.pace and not layer.held:
                by, pace = come_in(layer, by, stack.size)
            driven = replace(_driven(layer, by, turn, way, stack.size), pace=pace)
            if way and index in going_off and _came_round(layer, driven, stack.size):
                driven = replace(layer, leaving=True)
            stack = stack.with_layer(index, driven)
    return carried(stack)


def troop_paces(
    stack: LayerStack, passing: Mapping[int, str], chases: Mapping[int, str] = NOBODY
) -> dict[tuple[str, str], tuple[float, int]]:
    """The greatest pace (pixels a chunk) of all of a kind that were told to go the same way, and how many they are, by both: of
    three ducks the student has one swim twice as fast as another, and five horses would come to stand on each other. Those of
    one of the `chases` (its name, by place) are one troop, too: a rabbit that hardly ran was passed by its dog.
    """
    paces: dict[tuple[str, str], tuple[float, int]] = {}
    for index, told in passing.items():
        layer = stack.layers[index]
        troop = _troop(layer, told, chases.get(index))
        pace, count = paces.get(troop, (0.0, 0))
        own = (0.0, 0) if layer.held else (layer.pace, 1)
        paces[troop] = max(pace, own[0]), count + own[1]
    return paces


def _troop(layer: Layer, told: str, chase: str | None) -> tuple[str, str]:
    """What those have in common who go at one pace: their kind and way, or the name of their chase, whichever way each goes."""
    return (kind_of(layer), told) if chase is None else (chase, "")


def kind_of(layer: Layer) -> str:
    """What a layer is called, whatever its colour."""
    return parted(layer.label)[1]


def mean_gains(gained: Tensor, own: Tensor) -> np.ndarray:
    """Shift and turn in the cells of each thing [layers, 3]; none where next to nothing of it is seen."""
    total = own.sum((1, 2))[:, None]
    means = (gained * own[:, None]).sum((2, 3)) / total.clamp_min(1.0)
    return torch.where(total < 1.0, 0, means).double().cpu().numpy()


def bases_of(stack: LayerStack, said: np.ndarray) -> Bases:
    """The layers of a stack, of which the student `said` [layers, 3]."""
    places = np.array([(layer.pose.x, layer.pose.y) for layer in stack.layers]).reshape(-1, 2)
    return Bases(places, np.array([max(layer.extents) for layer in stack.layers]), said)


def gains(before: LayerStack, after: LayerStack, said: np.ndarray) -> np.ndarray:
    """What the poses of layers gained by themselves from one to the other [layers, 3]: pixels, pixels and radians. Who came round
    the picture gained what the student `said`.
    """
    poses = [(one.pose, other.pose) for one, other in zip(before.layers, after.layers, strict=True)]
    made = np.array([(b.x - a.x, b.y - a.y, b.angle - a.angle) for a, b in poses]).reshape(-1, 3)
    far = np.abs(made[:, :2]).max(1, initial=0) > min(after.size) / 2
    return np.where(far[:, None], said, made)


def _driven(
    layer: Layer, by: np.ndarray, turn: float, way: tuple[int, int] | None, size: tuple[int, int]
) -> Layer:
    """A layer after its drive `by` [2] pixels and `turn` radians; `way` is that of PASSED which it goes on, None for none. Who goes
    about by itself is seen whole.
    """
    low, high = _inside(layer, size)
    here = np.array([layer.pose.x, layer.pose.y])
    shift = np.zeros(2) if layer.held else settled(by, LEAST_DRIVE)
    there = np.clip(here + shift, np.minimum(low, here), np.maximum(high, here))
    if way:
        axis = way[0]
        there[axis] = come_round(here[axis] + shift[axis], layer.extents[axis], size[1 - axis])
    turned = float(settled(np.array(turn), LEAST_DRIVE / 100))
    step = turned_about((here[0], here[1]), turned, tuple(there - here))
    return replace(layer, pose=step.after(layer.pose))


def _came_round(before: Layer, after: Layer, size: tuple[int, int]) -> bool:
    way = after.pose.x - before.pose.x, after.pose.y - before.pose.y
    return abs(way[0]) > size[1] / 2 or abs(way[1]) > size[0] / 2


def _inside(layer: Layer, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Between which points (x, y) the middle of a thing is that is seen whole."""
    edges = np.array(size[::-1])
    low = 0.5 * np.minimum(layer.extents, edges)
    return low, edges - low


def kept_up(by: float, pace: float, way: int, least: float = LEAST_PACE) -> tuple[float, float]:
    """The shift of who is told to go `way` (-1 or 1) along an axis, and its `pace` after it (pixels a chunk): not much less than
    it was, `least` of that. Near the side that it is to go to the student would have it go back, since in its world all things
    stay in the picture: that is a pace, too.
    """
    pace = max(abs(by), pace * PACE_KEPT)
    return way * max(by * way, least * pace), pace


def come_in(layer: Layer, by: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """The shift of who went off a side and is told to go no more: into the picture, at not less than it went out, and its pace as
    long as it is not whole in there.
    """
    here = np.array([layer.pose.x, layer.pose.y])
    low, high = _inside(layer, size)
    out = np.sign(here - np.clip(here, low, high))
    inward = np.maximum(-out * by, LEAST_PACE * layer.pace)
    return np.where(out, -out * inward, by), layer.pace if out.any() else 0.0


def come_round(at: float, extent: float, edge: int) -> float:
    """Where along an axis the middle of a thing of that extent is when it is `at` there in a picture of that edge whose sides are
    joined outside of it; pixels.
    """
    out = (0.5 - SEEN) * extent  # of its middle, when SEEN of it is still in the picture
    if at < -out:
        return edge + out
    return -out if at > edge + out else at


def settled(value: np.ndarray, least: float) -> np.ndarray:
    """Nothing below `least`, and no jump there."""
    made: np.ndarray = np.sign(value) * np.maximum(np.abs(value) - least, 0)
    return made
