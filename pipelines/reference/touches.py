"""A plan's tracks in pixels, and where the hands come down that begin with it.

Of many tracks at once (the motion of a video) none means a thing that has to be found: together they say how all of the picture
moves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from flowbrush.pipelines.conditions.controls import ChunkPlan
from flowbrush.pipelines.reference.acquire import Touch
from flowbrush.pipelines.reference.layers import MOST
from flowbrush.pipelines.reference.steps import TrackRows
from flowbrush.pipelines.requests import Notice, is_followed

MANY = 8  # tracks; a person has no more hands than that
SEVERAL = 3  # tracks that begin together on bare ground are meant for the scene, not for a thing
GOES = 0.005  # of the width, within a chunk: less is a tracker's noise

BARE = "there is nothing to take hold of here: drag a thing, paint round one, or move the whole picture with the camera"
OUTSIDE = "a hand that comes down outside of the picture, or hidden, takes nothing: begin where x and y are between 0 and 1"
PAINTED = "what was painted takes nothing: it is a line, a speck, nearly the whole picture, or outside of it: paint round a thing"
FULL = f"{MOST} pieces were taken out of this picture, and there is room for no more: take hold of one of them, or start over"


def track_rows(plan: ChunkPlan, size: tuple[int, int]) -> TrackRows:
    """A plan's tracks in pixels of a picture of `size` (H, W)."""
    return TrackRows(plan.hands, plan.xy * [size[1], size[0]], plan.visible)


def touches_of(
    plan: ChunkPlan, rows: TrackRows, size: tuple[int, int], tracks: Collection[int]
) -> dict[int, Touch]:
    """Where the hands of `tracks` come down. A hand of several points takes what is under their middle, and one that goes where
    others that begin with it stay is taken at its word: there is something that goes.
    """
    height, width = size
    touches = {}
    going, leaving = _going(rows, tracks, width), plan.released | plan.under_way
    whole = (0.0, 0.0, float(width), float(height))
    for track in sorted(tracks):
        mine = (rows.hands == track) & rows.visible[:, 0]
        if mine.any():
            x, y = rows.xy[mine, 0].mean(0).tolist()
            told = plan.touches.get(track)
            scaled = (
                [tuple((u * width, v * height) for u, v in points) for points in (told.add, told.remove)]
                if told
                else [(), ()]
            )
            region = told.region if told else ()
            part = whole if track in going else None
            touches[track] = Touch((x, y), scaled[0], scaled[1], region, part, leaving)
    return touches


def _going(rows: TrackRows, tracks: Collection[int], width: int) -> set[int]:
    """Those of `tracks` that go within the chunk while others of them stay; none where all go, as when a camera moves."""
    going = set()
    for track in tracks:
        mine = (rows.hands == track) & rows.visible[:, 0] & rows.visible[:, -1]
        way = rows.xy[mine, -1] - rows.xy[mine, 0]  # [points, 2]
        if mine.any() and float(np.linalg.norm(way.mean(0))) > GOES * width:
            going.add(track)
    return going if len(going) < len(tracks) else set()


def unheld(
    plan: ChunkPlan, touches: dict[int, Touch], empty: Collection[int], full: bool
) -> tuple[Notice, ...]:
    """What the person should know of hands that begin with `plan`: why those hold nothing that came down nowhere, or whose touch is
    among the `empty` ones; a stack that is `full` has no room for another piece.
    """
    fresh = {track for track in plan.fresh if not is_followed(track)}
    nothing = {track: touches[track] for track in fresh & touches.keys() if track in empty}
    painted = [track for track, touch in nothing.items() if touch.region]
    bare = nothing.keys() - set(painted) - plan.pins
    said = {
        OUTSIDE: len(fresh) <= MANY and bool(fresh - touches.keys()),
        FULL: full and bool(nothing),
        PAINTED: bool(painted) and not full,
        BARE: 0 < len(bare) < SEVERAL and not full,
    }
    return tuple(Notice("nothing_held", text) for text, so in said.items() if so)


def as_scene(rows: TrackRows, hands: Collection[int]) -> TrackRows:
    """`rows` with the tracks of `hands` as points of the scene."""
    return replace(rows, hands=np.where(np.isin(rows.hands, list(hands)), -1, rows.hands))
