"""The picture of the stream double: a ball over stripes, drawn, so that a test knows where everything is."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WIDTH, HEIGHT, FPS, CHUNK = 320, 192, 16, 4
BALL = (250, 200, 20)
RADIUS = 0.09  # of the frame's height
REACH = 0.15
DRIFT = 0.02  # frame widths a second, to the right, of a ball that nobody holds


@dataclass
class Held:
    """A track on the ball: its points on the stream's clock."""

    kind: str
    points: list[tuple[float, float, float]] = field(default_factory=list)

    def at(self, pts: float) -> tuple[float, float]:
        times = [point[0] for point in self.points]
        return (
            float(np.interp(pts, times, [point[1] for point in self.points])),
            float(np.interp(pts, times, [point[2] for point in self.points])),
        )


@dataclass
class ToyWorld:
    """State between chunks. `chunk` is the next one to be made."""

    prompt: str
    size: tuple[int, int] = (WIDTH, HEIGHT)
    chunk: int = 0
    ball: tuple[float, float] = (0.3, 0.6)
    pan: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.0
    tracks: dict[int, Held] = field(default_factory=dict)
    shifts: dict[int, float] = field(default_factory=dict)

    def copy(self) -> ToyWorld:
        return copy.deepcopy(self)

    def region(self) -> list[list[tuple[float, float]]]:
        """The ball's outline, as a polygon."""
        width, height = self.size
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        x, y = self.ball
        return [
            [(x + RADIUS * height / width * float(np.cos(a)), y + RADIUS * float(np.sin(a))) for a in angles]
        ]

    def outline(self, probe: Any) -> dict[str, Any]:
        """What a hand would take: the ball, or nothing; what is to be added is a square around each point."""
        squares = [[(x - 0.05, y - 0.05), (x + 0.05, y - 0.05), (x + 0.05, y + 0.05), (x - 0.05, y + 0.05)]
                   for x, y in probe.add or ()]  # fmt: skip
        if self._near(probe):
            return {"region": self.region() + squares, "label": "ball"}
        return {"region": squares}

    def _near(self, point: Any) -> bool:
        return abs(point.x - self.ball[0]) < REACH and abs(point.y - self.ball[1]) < REACH

    def control(self, message: Any) -> bool:
        """Folds one control in; points are shifted to the start of the next chunk, once for each track.

        Whether it took hold of the ball.
        """
        start = self.chunk * CHUNK / FPS
        if message.type == "prompt.set":
            self.prompt = " + ".join(prompt.text for prompt in message.prompts)
        elif message.type == "camera.set":
            self.pan = message.pan
        elif message.type == "tracks.clear":
            self.tracks.clear()
        elif message.type == "track.end":
            self.tracks.pop(message.track, None)
        elif message.type == "track.begin":
            self.shifts[message.track] = start - message.points[0].t
            if self._near(message.points[0]):
                self.tracks[message.track] = Held(message.kind)
                self._extend(message)
                return True
        elif message.track in self.tracks:
            self._extend(message)
        return False

    def _extend(self, message: Any) -> None:
        shift = self.shifts[message.track]
        held = self.tracks[message.track]
        held.points += [(point.t + shift, point.x, point.y) for point in message.points]

    def make_chunk(self) -> list[np.ndarray]:
        """RGB frames [H, W, 3] of the next chunk."""
        frames = []
        for index in range(CHUNK):
            pts = (self.chunk * CHUNK + index) / FPS
            self.offset += self.pan[0] / FPS
            held = next(iter(self.tracks.values()), None)
            if held is None:
                self.ball = (min(0.95, self.ball[0] + DRIFT / FPS), self.ball[1])
            else:
                # The end of the chunk shows the newest point: what a model that follows at once would do.
                self.ball = held.at(pts if held.kind == "path" else pts + CHUNK / FPS)
            frames.append(self._draw(pts))
        self.chunk += 1
        return frames

    def newest(self) -> np.ndarray:
        """The last frame that was made, once more: RGB [H, W, 3]."""
        return self._draw((self.chunk * CHUNK - 1) / FPS)

    def _draw(self, pts: float) -> np.ndarray:
        hue = hashlib.sha256(self.prompt.encode()).digest()
        width, height = self.size
        y, x = np.mgrid[0:height, 0:width]
        wave = 0.5 + 0.5 * np.sin((x / width + self.offset) * 24 + pts * 0.8)
        base = 40 + 90 * np.array([hue[0], hue[1], hue[2]]) / 255
        base[0] = min(base[0], 90)  # the ball alone is yellow
        frame = base[None, None, :] * (0.6 + 0.4 * wave[..., None])
        inside = ((x - self.ball[0] * width) ** 2 + (y - self.ball[1] * height) ** 2) < (RADIUS * height) ** 2
        frame[inside] = BALL
        return frame.astype(np.uint8)
