"""Camera control turned into tracks of the scene: a grid of points that move as the camera tells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from flowbrush.controls import CameraSet

ROWS, COLUMNS = 3, 5
CLEAR = 0.14  # frame sizes: no scene point so near to a painted one, which may sit on something that is held
# A target is approached by this share of what is left, per second: half a picture away no faster than a hand may be, and it is
# there, but for a fiftieth of the way, within a second.
RATE = 4.0
Pose = tuple[float, float, float, float]  # pan x, pan y (frame sizes), zoom (doublings), roll (degrees)


@dataclass(frozen=True)
class CameraState:
    """Where the camera is and what it was told last."""

    pose: Pose = (0.0, 0.0, 0.0, 0.0)
    mode: str = "velocity"
    told_values: Pose = (0.0, 0.0, 0.0, 0.0)

    def told(self, control: CameraSet) -> CameraState:
        return replace(self, mode=control.mode, told_values=(*control.pan, control.zoom, control.roll))

    def poses(self, times: np.ndarray) -> np.ndarray:
        """Poses [1 + F, 4] at `times`, the first being where it is now."""
        elapsed = times - times[0]
        now, value = np.asarray(self.pose), np.asarray(self.told_values)
        if self.mode == "velocity":
            made: np.ndarray = now + elapsed[:, None] * value
            return made
        made = value + (now - value) * np.exp(-RATE * elapsed)[:, None]
        return made


def ground_tracks(state: CameraState, times: np.ndarray, painted: Sequence[np.ndarray], aspect: float
                  ) -> tuple[CameraState, list[tuple[np.ndarray, np.ndarray]]]:  # fmt: skip
    """The state after `times` and the rows (xy [1 + F, 2], visible [1 + F]) of the scene's points: none while the camera stands
    still, and of none that is near to a painted one.

    `painted` are the places [2] of painted points, in frame sizes; `aspect` is the picture's height in widths: a turn turns pixels,
    not frame sizes.
    """
    poses = state.poses(times)
    x, y, zoom, roll = (float(v) for v in poses[-1])
    after = replace(state, pose=(x, y, zoom, roll))
    if np.abs(poses - poses[0]).max() < 1e-4:
        return after, []
    grid_x, grid_y = np.meshgrid((np.arange(COLUMNS) + 0.5) / COLUMNS, (np.arange(ROWS) + 0.5) / ROWS)
    points = np.stack([grid_x.ravel(), grid_y.ravel()], 1)
    rows = []
    for point in points:
        if any(np.hypot(*(point - other)) < CLEAR for other in painted):
            continue
        rows.append((_carried(point, poses, aspect), np.ones(len(times), bool)))
    return after, rows


def _carried(point: np.ndarray, poses: np.ndarray, aspect: float) -> np.ndarray:
    """A scene point at `point` (frame sizes) in the first pose, seen in all of them: [1 + F, 2]."""
    shift = poses[:, :2] - poses[0, :2]
    zoom = 2.0 ** (poses[:, 2] - poses[0, 2])
    angle = np.radians(poses[:, 3] - poses[0, 3])
    # Rotation is of the square picture: heights are measured in widths meanwhile.
    offset = (point - 0.5 - shift) * [1.0, aspect]
    cos, sin = np.cos(angle), np.sin(angle)  # a camera that turns clockwise turns the scene the other way
    turned = np.stack([cos * offset[:, 0] + sin * offset[:, 1], -sin * offset[:, 0] + cos * offset[:, 1]], 1)
    made: np.ndarray = 0.5 + turned * zoom[:, None] / [1.0, aspect]
    return made
