"""Where things stand that a prompt names: on the first points of paths where there are any, else where there is room, where such
things live. Pure functions of their arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from flowbrush.models.keyframes import Ground
from flowbrush.pipelines.parsing.wanted import LOOKS_RIGHT, Wanted

Rng = np.random.Generator
MOST = 6  # things in one picture
EDGE = 0.258  # of the square root of the picture's area: a thing's size where no word says another
ROOMY = 3  # things; more of them are smaller
FOOT = 0.46  # of a thing's size: its foot below its middle
BOATS = frozenset({"sailboat"})
FLOATS = 0.3  # of a thing's size: how far its middle is above the water's edge at the horizon, and within the water on the shore
BORDER = 0.13  # of the frame, where no middle stands unless a path says so
ACROSS = {"left": (0.14, 0.36), "middle": (0.42, 0.58), "right": (0.64, 0.86), "": (BORDER, 1 - BORDER)}
RUN_UP = {"left": (0.5, 0.87), "right": (0.13, 0.5)}  # where what goes to a side has room to go
# Where they have some room to go, if they would run over others else, and where they stand if some go left and some right.
SHORT_RUN_UP = {"left": (0.36, 0.87), "right": (0.13, 0.64)}
PARTING = {"left": (0.3, 0.4), "right": (0.6, 0.7)}
WAY = (
    0.45  # of the frame: so far comes what goes somewhere in some seconds, and nothing is to stand in its way
)
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
AIR = {"": (0.22, 0.6), "up": (0.5, 0.75), "down": (0.2, 0.4)}  # rows of what flies, with room to go
LEAST_AIR = 0.1  # rows that are left to what flies where the ground begins high up
FALLING, DIVING = (0.16, 0.32), (0.24, 0.74)
OPEN = (0.1, 0.9)  # rows of what flies or dives where a word says how high
HEIGHT_SHARE = 0.25  # of the rows that a thing may have: how much of them the top or the bottom is
SLOT = 0.36  # of a thing's share of the width: how far from its middle it stands where there is room; below a half they keep order
# Places that are looked at for a thing, and for all of them together: with half of either, two and two on the sides overlap.
TRIES, ARRANGEMENTS = 64, 6
CLEAR = 1.15  # distance of two things, in their mean size, from which on they do not touch


@dataclass(frozen=True)
class Placed:
    """A thing with its pose: middle and edge length in pixels, angle in radians; `first` is the place of the path on whose first
    point it stands, None where it stands where there was room; `mirrored` is what would else go backwards.
    """

    label: str
    x: float
    y: float
    size: float
    angle: float = 0.0
    first: int | None = None
    mirrored: bool = False


@dataclass(frozen=True)
class _Picture:
    """What places depend on: the frame's size, and where what is in it."""

    width: int
    height: int
    ground: Ground

    @property
    def edge(self) -> float:
        edge: float = EDGE * (self.width * self.height) ** 0.5
        return edge


Span = tuple[float, float]


class Spot(NamedTuple):
    """Where something stands: its middle, its size, and how far it is to go across and down, in pixels; those of one `troop` go
    together, and keep their distance.
    """

    x: float
    y: float
    size: float
    across: float = 0.0
    down: float = 0.0
    troop: str = ""

    def room(self, other: Spot) -> float:
        """How far two stay apart on their ways, in their mean size."""
        if self.troop and self.troop == other.troop:
            gaps = self.x - other.x, self.y - other.y
        else:
            gaps = (
                _gap(self.x, self.across, other.x, other.across),
                _gap(self.y, self.down, other.y, other.down),
            )
        return float(np.hypot(*gaps)) / (0.5 * (self.size + other.size))


def _gap(one: float, way: float, other: float, other_way: float) -> float:
    """What is between one..one + way and other..other + other_way; nothing where they overlap."""
    low, high = sorted((one, one + way)), sorted((other, other + other_way))
    return max(0.0, max(low[0], high[0]) - min(low[1], high[1]))


def arrange(
    things: Sequence[Wanted],
    size: tuple[int, int],
    firsts: Sequence[tuple[float, float] | None],
    seed: int,
    ground: Ground,
    taken: Sequence[tuple[float, float]] = (),
) -> list[Placed]:
    """Places for things, in their order, at most MOST, in a frame of `size` (W, H) pixels.

    The i-th one stands on `firsts[i]` (x, y in frame sizes), which is where the i-th path begins; the others where they live, on
    the side that was asked for, where those and what is at `taken` leave room (x, y in frame sizes).
    """
    each = each_of(things)
    picture = _Picture(*size, ground)
    crowd = min(1.0, (ROOMY / max(1, len(each) + len(taken))) ** 0.5)
    fixed: list[Spot] = [Spot(x * size[0], y * size[1], picture.edge) for x, y in taken]
    placed: dict[int, Placed] = {}
    free: dict[int, tuple[Wanted, float]] = {}
    for place, thing in enumerate(each):
        edge = thing.size * picture.edge * crowd
        point = firsts[place] if place < len(firsts) else None
        if point is None:
            free[place] = thing, edge
        else:
            x, y = point[0] * size[0], point[1] * size[1]
            placed[place] = Placed(thing.called, x, y, edge, first=place, mirrored=_backwards(thing))
            fixed.append(Spot(x, y, edge))
    spots = _roomiest(np.random.default_rng(seed), picture, free, len(each), fixed)
    for place, (x, y, edge, *_) in spots.items():
        placed[place] = Placed(each[place].called, x, y, edge, mirrored=_backwards(each[place]))
    return [placed[place] for place in range(len(each))]


def each_of(things: Sequence[Wanted]) -> list[Wanted]:
    """Every single one of the things that there is room for, in their order."""
    return [thing for thing in things for _ in range(thing.count)][:MOST]


def _backwards(thing: Wanted) -> bool:
    """Whether the thing's sprite looks away from where it goes."""
    return thing.way == ("left" if thing.label in LOOKS_RIGHT else "right")


def _roomiest(
    rng: Rng, picture: _Picture, free: dict[int, tuple[Wanted, float]], count: int, fixed: Sequence[Spot]
) -> dict[int, Spot]:
    """Spots for the things by their place among `count`, away from `fixed`: the first arrangement in which no two touch, or the
    roomiest of a few.
    """
    best: dict[int, Spot] = {}
    most = -1.0
    parting = RUN_UP.keys() <= {thing.way for thing, _ in free.values()}
    for _ in range(ARRANGEMENTS):
        spots: dict[int, Spot] = {}
        least = CLEAR
        for place, (thing, edge) in free.items():
            spans = _across(thing, ((place + 0.5) / count, SLOT / count), parting)
            spots[place], room = _find_room(rng, picture, thing, edge, spans, [*fixed, *spots.values()])
            least = min(least, room)
        if least > most:
            best, most = spots, least
        if least >= CLEAR:
            break
    return best


def _find_room(
    rng: Rng, picture: _Picture, thing: Wanted, edge: float, spans: tuple[Span, Span], others: Sequence[Spot]
) -> tuple[Spot, float]:
    """Where a thing of `edge` pixels touches none of the others, in the first of its `spans` of the width, or the second; else the
    roomiest place. And how much room there is, in mean sizes, up to CLEAR.
    """
    inside = min(0.5, 0.5 * edge / picture.width)
    first, later = (_clipped(span, inside, 1 - inside) for span in spans)
    down = _rows(picture, thing, edge / picture.height)
    best, most = Spot(0.0, 0.0, edge), -1.0
    for attempt in range(TRIES):
        within = first if attempt < TRIES // 2 else later
        x, y = float(rng.uniform(*within)) * picture.width, float(rng.uniform(*down)) * picture.height
        spot = _going(thing, picture, x, y, edge)
        room = min(CLEAR, min(map(spot.room, others), default=CLEAR))
        if room > most:
            best, most = spot, room
        if room >= CLEAR:
            break
    return best, most


def _across(thing: Wanted, slot: tuple[float, float], parting: bool) -> tuple[Span, Span]:
    """Between which columns the middle of a thing stands, in parts of the frame's width: first, in its `slot` (middle and half
    width) if no word says another place, and where it has no room so.
    """
    if not thing.side and thing.way in RUN_UP:
        return (PARTING if parting else RUN_UP)[thing.way], SHORT_RUN_UP[thing.way]
    across = ACROSS[thing.side]
    return across if thing.side else _clipped((slot[0] - slot[1], slot[0] + slot[1]), *across), across


def _going(thing: Wanted, picture: _Picture, x: float, y: float, edge: float) -> Spot:
    """The spot at a point in pixels with the way that the thing goes from there, at most to the rim."""
    across, down = WAYS["down" if thing.verb == "fall" else thing.way] if _goes(thing) else (0, 0)
    end_x = min(max(0.0, x + across * WAY * picture.width), picture.width)
    end_y = min(max(0.0, y + down * WAY * picture.height), picture.height)
    troop = f"{thing.label} {thing.verb} {thing.way}" if _goes(thing) and thing.goal is None else ""
    return Spot(x, y, edge, end_x - x, end_y - y, troop)


def _goes(thing: Wanted) -> bool:
    return bool(thing.way) or thing.verb == "fall"


def _rows(picture: _Picture, thing: Wanted, edge: float) -> tuple[float, float]:
    """The rows between which the middle of a thing stands, in parts of the frame's height; `edge` is its size in these."""
    return _part(_own_rows(picture, thing, edge), thing.height)


def _part(rows: tuple[float, float], height: str) -> tuple[float, float]:
    """The upper or the lower end of rows, where a word says so."""
    part = HEIGHT_SHARE * (rows[1] - rows[0])
    return {"top": (rows[0], rows[0] + part), "bottom": (rows[1] - part, rows[1])}.get(height, rows)


def _own_rows(picture: _Picture, thing: Wanted, edge: float) -> tuple[float, float]:
    """The rows of things like this one, whatever their height."""
    home, ground, water = thing.home, picture.ground, picture.ground.water
    submerged = water is not None and water[0] <= 0
    low, high = 0.14, 1 - 0.3 * edge
    if thing.verb == "fall":
        return FALLING
    if home == "air" or thing.verb in ("fly", "float"):
        return _between(*OPEN, edge) if thing.height else _aloft(AIR.get(thing.way, AIR[""]), ground, edge)
    if home == "water" or (thing.verb == "swim" and submerged):
        if water and not submerged:
            return _between(water[0], water[1] - FLOATS * edge, edge)
        return _between(*OPEN, edge) if thing.height else DIVING
    if home == "afloat" and water and not submerged:
        far = FLOATS if thing.label in BOATS else 0.0  # who swims has its feet in the water
        return _between(water[0] - far * edge, water[1] - FOOT * edge, edge)
    level = max(low, min(ground.level, high) - FOOT * edge)
    return level, max(level, min(high, 0.97) - FOOT * edge)


def _aloft(rows: tuple[float, float], ground: Ground, edge: float) -> tuple[float, float]:
    """The rows of what flies, with its foot above where others stand, as far as there is room for that."""
    return rows[0], max(rows[0] + LEAST_AIR, min(rows[1], ground.level - FOOT * edge))


def _between(top: float, bottom: float, edge: float) -> tuple[float, float]:
    """Rows of the middle of what stands between two rows, inside the frame."""
    inside = min(0.5, 0.5 * edge)
    return _clipped((top, bottom), inside, 1 - inside)


def _clipped(span: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """The span inside low..high; the nearest end of that where they do not meet."""
    return min(max(span[0], low), high), min(max(span[1], low), high)
