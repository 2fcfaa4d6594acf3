"""Points of a video followed from picture to picture, so that its motion can be given to a stream as paths (motion transfer).

Dense flow by OpenCV (DIS: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016) carries each point on. A point is
lost where the flow back does not lead to where it came from (the test of Sundaram et al., "Dense Point Trajectories by
GPU-accelerated Large Displacement Optical Flow", 2010), or where it leaves the picture; what is lost is not found again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flowbrush.pipelines.media.source_file import BadVideo, at_rate, facts_of
from flowbrush.pipelines.media.tracks_io import MOST_TRACKS, BadTracks, Tracks
from flowbrush.pipelines.requests import Frames

# Pixels of a side: in larger pictures what is smaller than a twentieth of the width is followed more surely, and all is slower.
LONGEST = 640
SHORTEST = 16  # of a side: smaller ones crash OpenCV's flow
FASTEST = 30.0  # pictures a second that are looked at: all of a usual video, and no more of slow motion
# Of the squared lengths, and pixels squared: how far from its start a point may come back. With more, what is hidden is kept.
SLACK = (0.01, 0.5)
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue
CUT = 0.3  # of the points: where no more are found again, the video shows something else, and they are found by chance
Points = npt.NDArray[np.float32]


def grid(columns: int, rows: int) -> Points:
    """The centres of so many equal cells of a picture: [columns * rows, 2] in frame sizes, row by row. Raises BadTracks for more
    points than a session takes as tracks.
    """
    if not 1 <= columns * rows <= MOST_TRACKS:
        raise BadTracks(
            f"a grid of {columns}x{rows} has {columns * rows} points: a session takes 1 to {MOST_TRACKS}"
        )
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    return np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)


def follow_video(path: Path, points: Points, size: tuple[int, int] | None = None) -> Tracks:
    """`points` [N, 2] in frame sizes of a video's first picture, followed to its end. With a `size` (W, H) its pictures are
    scaled and cut to it, as those of a source are, and the points are in frame sizes of that. Raises BadTracks, OSError.
    """
    try:
        width, height, fps = facts_of(path)
        width, height = size or (width, height)
        shrunk = min(1.0, LONGEST / max(width, height))
        fps = min(fps or FASTEST, FASTEST)
        return follow(at_rate(path, (round(width * shrunk), round(height * shrunk)), fps), points, fps)
    except BadVideo as error:
        raise BadTracks(str(error)) from error


def follow(pictures: Iterable[Frames], points: Points, fps: float) -> Tracks:
    """`points` [N, 2] in frame sizes of the first of `pictures` (RGB uint8 [H, W, 3], all of one size), followed through the
    others. A point that is lost stays where it was seen last, not visible.

    Raises BadTracks where OpenCV is not installed, or without a
    picture.
    """
    follower = Follower(points)
    places: list[Points] = []
    seen: list[npt.NDArray[np.bool_]] = []
    for picture in pictures:
        follower.put(picture)
        places.append(follower.xy)
        seen.append(follower.seen)
    if not places:
        raise BadTracks("there is no picture to follow points in")
    return Tracks(np.stack(places), np.stack(seen), fps)


class Follower:
    """Points carried from picture to picture. `seen` [N] says which are not lost; a lost one stays where it was seen last."""

    def __init__(self, points: Points) -> None:
        """`points` [N, 2] in frame sizes of the first picture. Raises BadTracks where OpenCV is not installed."""
        self.seen: npt.NDArray[np.bool_] = np.ones(len(points), bool)
        self._flow = _flow()
        self._points = points
        self._before: Frames | None = None
        self._scale = np.ones(2, np.float32)

    @property
    def xy(self) -> Points:
        """Where they are in the latest picture: [N, 2] in frame sizes."""
        return self._points / self._scale

    def put(self, picture: Frames) -> None:
        """The next picture: RGB uint8 [H, W, 3], all of one size. Raises BadTracks for one that is too small to be followed."""
        if min(picture.shape[:2]) < SHORTEST:
            height, width = picture.shape[:2]
            raise BadTracks(
                f"pictures of {width}×{height} pixels are too small for points to be followed: no side may have less than "
                f"{SHORTEST}"
            )
        now = (picture @ GREY).round().astype(np.uint8)
        if self._before is None:
            self._scale = np.array([now.shape[1], now.shape[0]], np.float32)
            self._points = self._points * self._scale
        else:
            there, found = step(self._flow, self._before, now, self._points)
            kept = self.seen & found
            self.seen = kept & (kept.sum() > CUT * self.seen.sum())
            self._points = np.where(self.seen[:, None], there, self._points)
        self._before = now

    def begin(self, which: npt.NDArray[np.bool_], points: Points) -> None:
        """Those of `which` [N] are at `points` [N, 2] (frame sizes) of the latest picture, and seen."""
        self._points = np.where(which[:, None], points * self._scale, self._points)
        self.seen = self.seen | which


def step(flow: Any, before: Frames, now: Frames, points: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where `points` [N, 2] (pixels, counted from the corner) of the grey picture `before` are in the one after it, and which were
    found there.
    """
    forward = at(flow.calc(before, now, None), points)
    there = points + forward
    back = at(flow.calc(now, before, None), there)
    off = np.square(forward + back).sum(1)
    slack = SLACK[0] * (np.square(forward).sum(1) + np.square(back).sum(1)) + SLACK[1]
    inside = ((there >= 0) & (there <= (now.shape[1], now.shape[0]))).all(1)
    return there, (off < slack) & inside


def at(field: npt.NDArray[np.float32], points: Points) -> Points:
    """A field [H, W, 2] at `points` [N, 2] (pixels, counted from the corner), interpolated; its rim beyond it."""
    height, width = field.shape[:2]
    x, y = (np.clip(points - 0.5, 0, (width - 1, height - 1))).T
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    u, v = (x - left)[:, None], (y - top)[:, None]
    above = field[top, left] * (1 - u) + field[top, right] * u
    below = field[bottom, left] * (1 - u) + field[bottom, right] * u
    made: Points = (above * (1 - v) + below * v).astype(np.float32)
    return made


def _flow() -> Any:
    try:
        import cv2
    except ModuleNotFoundError:
        raise BadTracks(
            "following points in a video needs OpenCV: pip install 'flowbrush[tracking]'"
        ) from None
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
