"""Which of many tracks go with the ground, and which groups of them go ways of their own: motion segmentation of one chunk.

The motion of a video comes as tracks of everything in its picture. Most of them tell how the camera moves; who walks through the
picture meanwhile goes otherwise, and is a thing of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from flowbrush.pipelines.reference.acquire import Acquirer, Box, Touch
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.reference.steps import TrackRows
from flowbrush.pipelines.reference.touches import GOES, MANY

DEPTH = 0.25  # of the ground's own motion: a camera that moves shows what is near faster, and no similarity says that of all
GROUND = 0.5  # of the tracks: where fewer agree on one motion, none is the ground's
REACH = (0.12, 1.6)
"""Two tracks further apart than so much of the width, or so many times as far as tracks are from their nearest one (a grid's
diagonal), belong to one thing only through others between them.
"""
TRIED = 48  # tracks whose pairs are tried as the ground's motion; with all of a thousand they would fill the memory
TURN = 4  # tracks of one thing that agree on how it turns; three agree by chance
NEAR = (0.06, 0.15)  # of the width: how far around its tracks a thing is looked for, at least and at most
ALIKE = 0.35  # of the faster one's way: two that differ by more are no one thing


def with_movers(
    acquirer: Acquirer, stack: LayerStack, rows: TrackRows, tracks: Collection[int]
) -> LayerStack:
    """The stack where those of `tracks`, which hold nothing so far, that go a way of their own hold what is there. Where no
    thing is found they are `unfound` from here on.
    """
    groups = own_ways(rows, tracks, stack.size[1])
    movers = frozenset(track for group in groups for track in group)
    staying = _begins(rows, set(tracks) - movers)
    for group in groups[:MANY]:
        points = {track: _begins(rows, {track})[0] for track in group}
        on_layer = [track for track in group if stack.at(*points[track]) is not None]
        lead = (on_layer or group)[0]
        more = () if on_layer else tuple(points[track] for track in group[1:])
        near = _free(list(points.values()), staying, stack.size)
        freed = stack.without_hands(frozenset(group))
        stack = acquirer.take(freed, lead, Touch(points[lead], more, within=near))
        if lead in stack.empty:
            stack = replace(stack, empty=stack.empty.union(group), unfound=stack.unfound.union(group))
        else:
            stack = _held_by_all(stack, lead, frozenset(group))
    return stack


def own_ways(rows: TrackRows, tracks: Collection[int], width: int) -> list[list[int]]:
    """Groups of `tracks` that go another way than the ground, in a picture of `width` pixels: the largest one first, and in
    each the track first that is most in its middle. None where less than half of all tracks agree on one motion.
    """
    known = np.isin(rows.hands, list(tracks)) & rows.visible[:, 0] & rows.visible[:, -1]
    numbers = rows.hands[known]
    before, after = (rows.xy[known, frame].astype(np.float64) @ (1, 1j) for frame in (0, -1))  # [n], x + iy
    own = np.flatnonzero(_off_most(before, after, GOES * width))
    if len(own) > (1 - GROUND) * len(before):
        return []
    way = after[own] - before[own]
    longer = np.maximum.outer(np.abs(way), np.abs(way))
    alike = np.abs(way[:, None] - way) <= np.maximum(GOES * width, ALIKE * longer)
    near = np.abs(before[own, None] - before[own]) <= max(REACH[0] * width, REACH[1] * _spacing(before))
    groups = [own[members] for members in _linked(alike & near)]
    groups.sort(key=len, reverse=True)
    return [numbers[_from_the_middle(group, before)].tolist() for group in groups]


def steadied(rows: TrackRows, stack: LayerStack) -> TrackRows:
    """`rows` where things that several tracks hold go by those that agree on one motion, and turn and grow only where TURN of
    them do: a tracker errs, and two that are off by some pixels would turn a thing upside down in a second.
    """
    xy, visible = rows.xy.copy(), rows.visible.copy()
    for layer in stack.layers:
        mine = np.isin(rows.hands, list(layer.hands)) & visible[:, 0] & visible[:, -1]
        if mine.sum() < 2:
            continue
        before, after = (xy[mine, frame].astype(np.float64) @ (1, 1j) for frame in (0, -1))
        off = _off_most(before, after, GOES * stack.size[1])
        if len(off) - off.sum() >= TURN:
            visible[np.flatnonzero(mine)[off]] = False
        else:
            xy[mine] = xy[mine, :1] + np.median(xy[mine] - xy[mine, :1], axis=0)
    return replace(rows, xy=xy, visible=visible)


def _off_most(before: np.ndarray, after: np.ndarray, noise: float) -> np.ndarray:
    """Which points [n] do not go with the most of them: those further than `noise` pixels, or DEPTH of the ground's own
    motion, from where the similarity takes them that fits best to two of them (RANSAC, with all pairs of TRIED points instead of
    chance).
    """
    count = len(before)
    tried = np.unique(np.linspace(0, count - 1, min(TRIED, count)).round().astype(int))
    first, second = (tried[of] for of in np.triu_indices(len(tried), 1))
    apart = before[second] - before[first]
    first, second, apart = (x[np.abs(apart) > noise] for x in (first, second, apart))
    if not len(first):
        return np.zeros(len(before), bool)
    turn = ((after[second] - after[first]) / apart)[:, None]  # [pairs, 1]
    error = np.abs(after[first, None] + turn * (before - before[first, None]) - after)  # [pairs, n]
    best = np.minimum(error, noise).sum(1).argmin()
    ground = np.median(np.abs(after - before)[error[best] < noise])
    off: np.ndarray = error[best] > max(noise, DEPTH * float(ground))
    return off


def _spacing(points: np.ndarray) -> float:
    """How far points [n] are from their nearest one, in the median."""
    apart = np.abs(points[:, None] - points)
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(0))) if len(points) > 1 else 0.0


def _linked(near: np.ndarray) -> list[np.ndarray]:
    """The members of each part of a graph that hangs together; `near` [n, n] says who is next to whom."""
    for through in range(len(near)):
        near = near | (near[:, through, None] & near[through])
    return [np.flatnonzero(row) for row in np.unique(near, axis=0)]


def _from_the_middle(group: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A group's members, those that are nearest to the middle of all first."""
    order: np.ndarray = group[np.abs(points[group] - points[group].mean()).argsort()]
    return order


def _begins(rows: TrackRows, tracks: Collection[int]) -> list[tuple[float, float]]:
    """Where tracks are before the chunk."""
    x, y = rows.xy[np.isin(rows.hands, list(tracks)), 0].T.tolist()
    return list(zip(x, y, strict=True))


def _free(
    points: Sequence[tuple[float, float]], staying: Sequence[tuple[float, float]], size: tuple[int, int]
) -> Box:
    """The part of a picture of `size` (H, W) around `points` that reaches to the nearest one that does not go with them."""
    height, width = size
    own, others = np.array(points), np.array(staying or [(np.inf, np.inf)])
    least, most = (share * width for share in NEAR)
    reach = min(max(float(np.linalg.norm(own[:, None] - others, axis=2).min()), least), most)
    left, top = np.maximum(own.min(0) - reach, 0).tolist()
    right, bottom = np.minimum(own.max(0) + reach, (width, height)).tolist()
    return left, top, right, bottom


def _held_by_all(stack: LayerStack, lead: int, hands: frozenset[int]) -> LayerStack:
    """What `lead` holds is held by all `hands`."""
    layers = tuple(
        replace(layer, hands=layer.hands | hands) if lead in layer.hands else layer for layer in stack.layers
    )
    return replace(stack, layers=layers)
