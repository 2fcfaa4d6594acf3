"""What hands hold: cut out of the picture in which it was taken, and put where the hand is into every later one.

Carried on from picture to picture a thing would lose a little of itself each time, and after a few seconds be gone; what is cut
out once stays what it was, for as long as it is held. (Wan-Move, arXiv 2512.08765, takes features of the first frame along the
tracks; here it is the frame in which the hand took hold.) The result is a proposal to the student, never the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.picture_tools import PLAIN, PictureTools, uncovered, widened
from pipelines.scene import carry, of_the_scene, scene_moves
from pipelines.touched import thing_at

WIDEST = 65.0  # pixels: how far the points of one hand may be from their middle and still hold one thing
STEADY = 12.0  # pixels: points of one hand that are closer than this hardly say how it turns
LEAST = 0.01  # opacity of a thing from which on the plate does not take the picture over
LIMIT = 8  # things one stream can hold in this way; more are carried from the last picture


@dataclass(frozen=True)
class Hold:
    """A thing in a hand. `cutout` [4, h, w] fp16 is colour in -1..1 and opacity in 0..1, `corner` (x, y) where it was cut
    out in pixels, `origins` [n, 2] where the hand's n points were then, `given` [n] which of them could be seen.
    """

    cutout: Tensor
    corner: tuple[int, int]
    origins: Tensor
    given: Tensor


@dataclass(frozen=True)
class Grip:
    """All that the hands of one stream hold: `things` by the number of the hand, and the `plate` [3, H, W] fp16, the last picture
    without them. Under a thing it shows what was seen there before, or what may be there. `ahead` is the plate as the camera will
    have moved it when the chunk ends. Hands that are `idle` took hold of nothing when they came; they do not on their way, either.
    """

    things: Mapping[int, Hold] = field(default_factory=dict)
    plate: Tensor | None = None
    ahead: Tensor | None = None
    idle: frozenset[int] = frozenset()


EMPTY = Grip()


def take_hold(
    grip: Grip, frame: Tensor, groups: Tensor, xy: Tensor, visible: Tensor, tools: PictureTools = PLAIN
) -> Grip:
    """What is held in the next chunk: what is held already by hands that are still there, and what new hands take.

    `frame` [3, H, W] in -1..1 is the last of the past; `groups` [N] the hand of each track, below 0 for none; `xy` [N, 1 + F, 2],
    `visible` [N, 1 + F] as in `TrackWindow`; `tools` find what is taken and
    what is behind it.
    """
    seen = visible | _outside(xy, frame)
    here = [group for group in dict.fromkeys(groups.tolist()) if group >= 0]
    old = {group: grip.things[group] for group in here if group in grip.things}
    covers = {group: _cover(hold, frame, groups == group, xy, seen) for group, hold in old.items()}
    things, new, taken, idle = dict(old), [], set(), {group for group in here if group in grip.idle}
    for group in here:
        rows = groups == group
        begins = visible[rows, 0] & visible[rows, 1:].any(1)
        if group in old or group in idle or not begins.any():
            continue
        if len(things) >= LIMIT or _wide(xy[rows, 0][begins]):
            continue
        cut = cut_out(frame, xy[rows, 0], begins, tools)
        if cut is None:
            idle.add(group)
            continue
        before = [other for other in old if other in things and _touches(covers[other], xy[rows, 0][begins])]
        for other in before:  # what a hand takes it takes from other hands
            del things[other]
        things[group] = cut
        new.append(group)
        taken |= {group} if before else set()
    if not things:
        return Grip(idle=frozenset(idle))
    added = {group: _cover(things[group], frame, groups == group, xy, seen) for group in new}
    plate = frame
    if grip.ahead is not None:
        # Whole where there is the least of a thing: what leaked into the plate would add up, chunk by chunk.
        under = widened((_union(list(covers.values()), frame) > LEAST).float()[None])[0]
        plate = frame + (grip.ahead.float() - frame) * under
    fresh = [cover for group, cover in added.items() if group not in taken]
    if fresh:
        plate = uncovered(plate, _union(fresh, frame), tools)
    moves, panned = scene_moves(of_the_scene(groups, visible, things)[None], xy[None], visible[None])
    ahead = carry(plate[None], moves[:, -1:])[0, :, 0] if bool(panned) else plate
    return Grip(things, plate.half(), ahead.half(), frozenset(idle))


def _wide(points: Tensor) -> bool:
    """Whether `points` [n, 2] of a hand are too far apart to hold one thing."""
    return float((points - points.mean(0)).norm(dim=1).max()) > WIDEST


def _cover(hold: Hold, frame: Tensor, rows: Tensor, xy: Tensor, visible: Tensor) -> Tensor:
    """Where the thing is in the last frame [1, H, W], 0..1."""
    move = similarity(hold, xy[rows, 0], visible[rows, 0])
    layer = frame.new_zeros(4, *frame.shape[1:])
    if move is not None:
        _paste(layer[:3], hold, move, layer[3])
    return layer[3:]


def _outside(xy: Tensor, frame: Tensor) -> Tensor:
    """Which points [...] of `xy` [..., 2] are beyond the edges of the picture: what is held there is still held."""
    size = torch.tensor([frame.shape[-1], frame.shape[-2]], device=xy.device)
    return ((xy < 0) | (xy >= size)).any(-1)


def _touches(cover: Tensor, points: Tensor) -> bool:
    """Whether one of `points` [n, 2] is on what `cover` [1, H, W] covers."""
    x, y = points.long().unbind(-1)
    height, width = cover.shape[-2:]
    return bool((cover[0, y.clamp(0, height - 1), x.clamp(0, width - 1)] > 0.5).any())


def _union(covers: list[Tensor], frame: Tensor) -> Tensor:
    return torch.stack(covers).amax(0) if covers else frame.new_zeros(1, *frame.shape[1:])


def cut_out(frame: Tensor, points: Tensor, given: Tensor, tools: PictureTools) -> Hold | None:
    """What stands out at `points` [n, 2] of `frame` [3, H, W]. None where nothing does."""
    opacity = thing_at(frame[None], points[given], tools.cutter)
    if not opacity.any():
        return None
    rows, columns = (opacity[0, 0].amax(axis).nonzero().flatten() for axis in (1, 0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    both = torch.cat([frame, opacity[0]])[:, top:bottom, left:right]
    return Hold(both.half(), (left, top), points.clone(), given.clone())


def put_back(frames: Tensor, grip: Grip, groups: Tensor, xy: Tensor, visible: Tensor) -> None:
    """Draws every held thing into `frames` [3, K, H, W], in place, where its hand is in each of K frames."""
    seen = visible | _outside(xy, frames)
    for group, hold in grip.things.items():
        rows = groups == group
        moves = [similarity(hold, xy[rows, k], seen[rows, k]) for k in range(1, xy.shape[1])]
        for k, move in enumerate(moves):
            if move is not None:
                _paste(frames[:, k], hold, move)


def similarity(hold: Hold, now: Tensor, visible: Tensor) -> tuple[float, float, float, float] | None:
    """How the hand has moved, turned and spread since it took hold: (a, b, x, y), so that a point p of then, as a complex number,
    is (a + bi) p + (x + yi) now. None where none of its points can be seen.
    """
    shown = visible & hold.given
    if not shown.any():
        return None
    then_xy, now_xy = hold.origins[shown], now[shown]
    middle, here = then_xy.mean(0), now_xy.mean(0)
    p, q = then_xy - middle, now_xy - here
    total = float(p.square().sum()) + STEADY**2
    a = (float((p * q).sum()) + STEADY**2) / total
    b = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / total
    mx, my = middle.tolist()
    x, y = here.tolist()
    return a, b, x - (a * mx - b * my), y - (b * mx + a * my)


def _paste(
    frame: Tensor, hold: Hold, move: tuple[float, float, float, float], opacity: Tensor | None = None
) -> None:
    """Draws the thing into `frame` [3, H, W] in place, and its opacity into `opacity` [H, W]."""
    height, width = frame.shape[-2:]
    a, b, x, y = move
    tall, wide = hold.cutout.shape[-2:]
    middle_x, middle_y = hold.corner[0] + wide / 2, hold.corner[1] + tall / 2
    at_x, at_y = a * middle_x - b * middle_y + x, b * middle_x + a * middle_y + y
    reach_x, reach_y = (abs(a) * wide + abs(b) * tall) / 2 + 1, (abs(b) * wide + abs(a) * tall) / 2 + 1
    x0, x1 = max(math.floor(at_x - reach_x), 0), min(math.ceil(at_x + reach_x), width)
    y0, y1 = max(math.floor(at_y - reach_y), 0), min(math.ceil(at_y + reach_y), height)
    if x0 >= x1 or y0 >= y1:
        return
    square = a * a + b * b
    px = torch.arange(x0, x1, device=frame.device) + (0.5 - x)
    py = torch.arange(y0, y1, device=frame.device) + (0.5 - y)
    # Back from now to then, then into the cut-out's own coordinates -1..1.
    then_x = (a * px[None] + b * py[:, None]) / square - hold.corner[0]
    then_y = (a * py[:, None] - b * px[None]) / square - hold.corner[1]
    grid = torch.stack([then_x * (2 / wide), then_y * (2 / tall)], -1)[None] - 1
    layer = F.grid_sample(hold.cutout.float()[None], grid, "bicubic", "zeros", align_corners=False)[0]
    cover = layer[3].clamp(0, 1)
    part = frame[:, y0:y1, x0:x1]
    part += (layer[:3] - part) * cover
    if opacity is not None:
        opacity[y0:y1, x0:x1] = torch.maximum(opacity[y0:y1, x0:x1], cover)
