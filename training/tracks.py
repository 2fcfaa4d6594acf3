"""Which points of a clip a person might have touched: tracks as conditions, sampled from what is known of
the clip.
"""

from __future__ import annotations

import numpy as np
import torch

from models.track_encoder import ID_PERIOD, PACKED
from pipelines.motion import TrackWindow
from training.world.clip import WorldObject

Rng = np.random.Generator
MAX_TRACKS = 48
TURNS = 0.1  # radians: what turns further than this is held at several points, or nobody could know


class TrackSampler:
    """Draws tracks for a clip: hands on objects, pins, and the grid that stands for a moving camera."""

    def __init__(self, alpha_points: dict[str, np.ndarray], width: int, height: int) -> None:
        self.alpha_points, self.width, self.height = alpha_points, width, height

    def sample(
        self, objects: list[WorldObject], camera: np.ndarray, rng: Rng, persistent: bool = False
    ) -> TrackWindow:
        """The clip's tracks, cut into its T latent frames: a TrackWindow of T rows of MAX_TRACKS.

        Points of the scene go back to their grid with every latent frame, as those of a steered camera do;
        with `persistent` each stays on what it was on, as a bidirectional teacher needs.
        """
        frames = len(camera)
        xy: list[np.ndarray] = []
        shown: list[np.ndarray] = []
        groups: list[int] = []
        for depth, thing in enumerate(objects):
            for point, given in self._touches(thing, rng, frames):
                xy.append(point)
                shown.append(given & ~self._hidden(point, objects[depth + 1 :]))
                groups.append(depth)
        before = [np.concatenate([p[:1], p[PACKED - 1 : -1 : PACKED]]) for p in xy]
        for point, given, homes in self._ground(camera, rng, persistent):
            xy.append(point)
            shown.append(given & ~self._hidden(point, objects))
            before.append(homes)
            groups.append(-1)
        if not xy:
            return windows(
                np.zeros((0, frames, 2)),
                np.zeros((0, frames // PACKED, 2)),
                np.zeros((0, frames), bool),
                [],
                [],
            )
        points, visible = np.stack(xy)[:MAX_TRACKS], np.stack(shown)[:MAX_TRACKS]
        inside = (points >= 0).all(-1) & (points[..., 0] < self.width) & (points[..., 1] < self.height)
        visible &= inside
        for row in visible:  # mid-frame masking (MotionStream §3.1): a hand may be lost for a while
            if rng.random() < 0.08:
                start = int(rng.integers(0, frames))
                row[start : start + int(rng.integers(2, 9))] = False
        ids = rng.integers(0, ID_PERIOD, len(points)).tolist()
        return windows(points, np.stack(before)[:MAX_TRACKS], visible, ids, groups[:MAX_TRACKS])

    def _touches(self, thing: WorldObject, rng: Rng, frames: int) -> list[tuple[np.ndarray, np.ndarray]]:
        held = bool(thing.held.any())
        if held:
            turns = bool(np.ptp(thing.angle) > TURNS)
            count = 1 if rng.random() < 0.6 and not turns else int(rng.integers(3, 6))
        else:
            count = int(rng.integers(1, 4)) if rng.random() < 0.25 else 0
        given = thing.held if held and rng.random() < 0.7 else np.ones(frames, bool)
        if held and given.all() and rng.random() < 0.5:
            given = np.arange(frames) >= int(np.argmax(thing.held))
        local = self.alpha_points[thing.name]
        touches = []
        for offset in local[rng.integers(0, len(local), count)]:
            cos, sin = np.cos(thing.angle), np.sin(thing.angle)
            turned = np.stack([cos * offset[0] - sin * offset[1], sin * offset[0] + cos * offset[1]], 1)
            touches.append((thing.centre + turned * thing.size[:, None], given.copy()))
        return touches

    def _ground(
        self, camera: np.ndarray, rng: Rng, persistent: bool
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Points of the scene: a grid while the camera moves, now and then pins. Each with where it was
        before every latent frame.
        """
        frames = len(camera)
        chunks = frames // PACKED
        given = np.ones(frames, bool)
        if np.allclose(camera, camera[:1]):
            if rng.random() < 0.7:
                return []
            spots = rng.uniform([0, 0], [self.width, self.height], (int(rng.integers(1, 7)), 2))
            return [(np.tile(spot, (frames, 1)), given, np.tile(spot, (chunks, 1))) for spot in spots]
        if rng.random() < 0.04:
            return []
        rows, columns = int(rng.integers(2, 5)), int(rng.integers(3, 7))
        grid = np.stack(np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows), -1)
        points = grid.reshape(-1, 2) * [self.width, self.height]
        if persistent:
            paths = [_followed(point, camera) for point in points]
            return [(xy, given, np.concatenate([xy[:1], xy[PACKED - 1 : -1 : PACKED]])) for xy in paths]
        return [(_carried(point, camera), given, np.tile(point, (chunks, 1))) for point in points]

    def _hidden(self, point: np.ndarray, above: list[WorldObject]) -> np.ndarray:
        hidden = np.zeros(len(point), bool)
        for thing in above:
            hidden |= np.linalg.norm(point - thing.centre, axis=1) < thing.size * 0.42
        return hidden


def _carried(point: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """A point that the camera carries, put back to its place with every latent frame: [F, 2]."""
    xy = np.empty((len(camera), 2))
    for start in range(0, len(camera), PACKED):
        before = camera[max(0, start - 1)]
        home = np.linalg.solve(before[:, :2], point - before[:, 2])
        now = camera[start : start + PACKED]
        xy[start : start + PACKED] = np.einsum("fij,j->fi", now[:, :, :2], home) + now[:, :, 2]
    return xy


def _followed(point: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """What is at `point` in the first frame, wherever the camera puts it: [F, 2]."""
    home = np.linalg.solve(camera[0, :, :2], point - camera[0, :, 2])
    return np.einsum("fij,j->fi", camera[:, :, :2], home) + camera[:, :, 2]


def windows(
    xy: np.ndarray, before: np.ndarray, visible: np.ndarray, ids: list[int], groups: list[int]
) -> TrackWindow:
    """Tracks [N, F, 2] over F = PACKED · T frames, `before` [N, T, 2] their places at the end of each past, `groups` the number
    of the object that each is on, -1 for the scene.
    """
    count, frames = visible.shape
    chunks = frames // PACKED
    out_xy = np.zeros((chunks, MAX_TRACKS, 1 + PACKED, 2), np.float32)
    out_visible = np.zeros((chunks, MAX_TRACKS, 1 + PACKED), bool)
    out_ids = np.zeros((chunks, MAX_TRACKS), np.int64)
    out_ids[:, :count] = ids
    out_groups = np.full((chunks, MAX_TRACKS), -1, np.int64)
    out_groups[:, :count] = groups
    for chunk in range(chunks):
        start = chunk * PACKED
        now = slice(start, start + PACKED)
        out_xy[chunk, :count, 0], out_visible[chunk, :count, 0] = (
            before[:, chunk],
            visible[:, max(0, start - 1)],
        )
        out_xy[chunk, :count, 1:], out_visible[chunk, :count, 1:] = xy[:, now], visible[:, now]
    return TrackWindow(*(torch.from_numpy(x) for x in (out_ids, out_xy, out_visible, out_groups)))
