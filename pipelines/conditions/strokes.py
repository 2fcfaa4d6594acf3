"""One painted track over time: samples in, one position a frame out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from flowbrush.controls import Grid, Point, TrackBegin

# frame widths a frame: a faster hand is followed at this speed until the picture has caught up
TOP_SPEED = 0.12

Sample = tuple[float, float, float, bool]  # pts in seconds, x, y, visible
Row = tuple[np.ndarray, np.ndarray]  # xy [1 + F, 2], visible [1 + F]
Places = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Selection:
    """What a hand was told to take: polygons, or points that add to and take away from what is found under it. In frame sizes."""

    region: tuple[Places, ...] = ()
    add: Places = ()
    remove: Places = ()


@dataclass(frozen=True)
class Stroke:
    """A track that is alive. `samples` are those not yet played, `here` where it was in the last frame made."""

    track: int
    kind: str
    samples: tuple[Sample, ...]
    offsets: tuple[tuple[float, float], ...]  # of the points of a grid from the hand
    here: tuple[float, float] | None = None
    visible: bool = True
    released: bool = False
    selection: Selection = Selection()

    @classmethod
    def begun(cls, control: TrackBegin, start: float) -> Stroke:
        """A new track; the times of a path count from `start`, the pts of the first frame that plays it."""
        shift = start if control.kind == "path" else 0.0
        samples = tuple((p.t + shift, p.x, p.y, p.visible) for p in control.points)
        selection = Selection(control.region or (), control.add or (), control.remove or ())
        released = control.kind == "path"
        return cls(
            control.track, control.kind, samples, _offsets(control.grid), None, True, released, selection
        )

    def extended(self, points: tuple[Point, ...]) -> Stroke:
        """With more samples. Those that come out of order are put in order."""
        samples = sorted((*self.samples, *((p.t, p.x, p.y, p.visible) for p in points)), key=lambda s: s[0])
        return replace(self, samples=tuple(samples))

    def ended(self) -> Stroke:
        """Released: it goes when its samples have been played."""
        return replace(self, released=True)

    @property
    def let_go(self) -> bool:
        """Whether somebody let go of it: nobody ever held a path."""
        return self.released and self.kind != "path"

    @property
    def under_way(self) -> bool:
        """Whether it is a path that has begun."""
        return self.kind == "path" and self.here is not None

    def play(self, times: np.ndarray) -> tuple[Stroke | None, list[Row]]:
        """Positions at `times` [1 + F] (the first is the last frame of the past) and what is left afterwards."""
        if not self.samples and self.released:
            return None, []
        start = self.here or self.samples[0][1:3]
        xy = self._positions(times, start)
        shown = self._visibility(times)
        end = times[-1] + 1e-9
        rest = tuple(sample for sample in self.samples if sample[0] > end)
        played = [sample for sample in self.samples if sample[0] <= end]
        last_visible = played[-1][3] if played else self.visible
        x, y = (float(v) for v in xy[-1])
        # still to be caught up with
        behind = played[-1:] if not rest and not self._within(xy[-1], 1e-6) else []
        left = replace(self, samples=(*behind, *rest), here=(x, y), visible=last_visible)
        rows = [(xy + np.asarray(offset), shown) for offset in self.offsets]
        finished = self.released and not rest and self._within(xy[-1], TOP_SPEED)
        return (None if finished else left), rows

    def _positions(self, times: np.ndarray, start: tuple[float, float]) -> np.ndarray:
        """The samples resampled to frames, no faster than the top speed. [1 + F, 2]"""
        fresh = [s for s in self.samples if s[0] > times[0] + 1e-9]
        stale = [s for s in self.samples if s[0] <= times[0] + 1e-9]
        knots = [(times[0], *start)]
        if stale and self.here is not None and not fresh:
            knots.append((times[1], *stale[-1][1:3]))  # what came late is caught up with at once
        if self.here is None and fresh and fresh[0][0] > times[1]:
            knots.append((fresh[0][0], *start))
        knots += [sample[:3] for sample in fresh]
        t, x, y = (np.asarray(axis) for axis in zip(*knots, strict=True))
        wanted = np.stack([np.interp(times, t, x), np.interp(times, t, y)], 1)
        if self.kind != "pin" or self.here is not None:
            _limit_speed(wanted)
        return wanted

    def _visibility(self, times: np.ndarray) -> np.ndarray:
        shown = np.full(len(times), self.visible)
        for t, _, _, visible in self.samples:
            shown[times >= t - 1e-9] = visible
        shown[0] = self.visible if self.here is not None else self.samples[0][3]
        return shown

    def _within(self, at: np.ndarray, distance: float) -> bool:
        """Whether `at` is less than `distance` from the last sample."""
        goal = self.samples[-1][1:3] if self.samples else at
        return float(np.hypot(*(np.asarray(goal) - at))) < distance


def _limit_speed(xy: np.ndarray) -> None:
    """Bounds every step of xy [1 + F, 2] in place; what is left over is caught up with in the frames after."""
    for frame in range(1, len(xy)):
        step = xy[frame] - xy[frame - 1]
        length = float(np.hypot(*step))
        if length > TOP_SPEED:
            xy[frame] = xy[frame - 1] + step * (TOP_SPEED / length)


def _offsets(grid: Grid | None) -> tuple[tuple[float, float], ...]:
    if grid is None:
        return ((0.0, 0.0),)
    rows = (np.arange(grid.rows) - (grid.rows - 1) / 2) * grid.spacing
    columns = (np.arange(grid.cols) - (grid.cols - 1) / 2) * grid.spacing
    return tuple((float(x), float(y)) for y in rows for x in columns)
