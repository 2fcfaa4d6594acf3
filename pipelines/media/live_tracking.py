"""Points of a video that goes on for ever: those that are lost come again where they began, so that the picture stays covered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from flowbrush.pipelines.media.point_tracking import Follower, Points
from flowbrush.pipelines.requests import Frames

RESTS = 4  # pictures that a lost point is gone: one that flickers is not a new track with each; half a second would leave holes
Lives = npt.NDArray[np.int64]


class LiveFollower:
    """Points [N, 2] in frame sizes, followed picture by picture."""

    def __init__(self, points: Points) -> None:
        """`points` are where they begin, and begin again. Raises BadTracks where OpenCV is not installed."""
        self._points = points
        self._follower = Follower(points)
        self._gone = np.zeros(len(points), np.int64)
        self._lives: Lives = np.ones(len(points), np.int64)

    def put(self, picture: Frames) -> tuple[Points, Lives]:
        """The next picture (RGB uint8 [H, W, 3], all of one size): where the points are, and the number of each one's life, which
        grows with every beginning; 0 while it is gone.
        """
        self._follower.put(picture)
        lost = ~self._follower.seen
        self._gone = np.where(lost, self._gone + 1, 0)
        again = self._gone > RESTS
        self._follower.begin(again, self._points)
        self._gone[again] = 0
        self._lives[again] += 1
        return self._follower.xy, np.where(self._follower.seen, self._lives, 0)
