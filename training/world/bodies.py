"""Where things go: hands that take and let go, things that go by themselves, fall, float and settle. Base poses, no gait.

Hands take and let go between chunks. Everything is in pixels and frames; y is down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowbrush.training.world import paths
from flowbrush.training.world.verbs import Doing

Rng = np.random.Generator
Array = np.ndarray
CHUNK = 4  # frames
FOOT = 0.46  # of a thing's size: its foot below its middle
ROLL = 0.42  # of a thing's size: the radius that it rolls on
GRAVITY, FASTEST_FALL, SINK, RISE = 0.8, 9.0, 1.3, 0.8  # pixels a frame (and frame)
THE_FASTEST_TURN = 0.25  # radians a frame
SPEED = {"walk": 1.5, "run": 3.2, "hop": 2.2, "waddle": 1.4, "crawl": 0.9, "roll": 2.4, "bounce": 1.2, "fly": 2.4, "swim": 1.8,
         "sail": 1.5, "drive": 3.2, "float": 0.9}  # fmt: skip
HASTE = {"": 1.0, "slow": 0.55, "fast": 1.7}
WEIGHTLESS = frozenset({"flyer", "rocket", "balloon", "star", "cut-out"})
ROLLING = frozenset({"ball", "round"})
SPRINGY = {"ball": 0.6, "round": 0.3, "soft": 0.3}
STIFF = 0.12


@dataclass(frozen=True)
class Place:
    """The frame's size, and in world pixels the line that things fall to and the rows of water. None where there is none."""

    width: int
    height: int
    ground: float | None
    water: tuple[float, float] | None
    submerged: bool = False


@dataclass
class Base:
    """The base path of a thing over F frames; row 0 of each is before the first frame.

    `world` [F + 1, 2] and `frame` [F + 1, 2] are its middle in world and frame pixels, `angle` [F + 1] its own rotation in radians,
    `held` [F / 4], `air` [F] how high it is above where it would come to rest, `step` [F, 2] what it has gone since the
    frame before: in the frame while it is held, in the world else.
    """

    world: Array
    frame: Array
    angle: Array
    held: Array
    air: Array
    step: Array


def holds(rng: Rng, chunks: int, share: float) -> Array:
    """In which chunks [F / 4] a hand has the thing: never, or in a `share` of cases from some moment on or for a while."""
    held = np.zeros(chunks, bool)
    if rng.random() >= share:
        return held
    start = 0 if rng.random() < 0.3 else int(rng.integers(0, max(1, chunks - 1)))
    length = chunks if rng.random() < 0.4 else int(rng.integers(2, max(3, chunks * 2 // 3)))
    held[start : start + length] = True
    again = start + length + int(rng.integers(2, 5))
    if again < chunks - 1:
        held[again:] = rng.random() < 0.5
    return held


def start_spot(rng: Rng, kind: str, doing: Doing | None, size: float, place: Place) -> Array:
    """Where a thing of a kind is at first, in the frame: on the ground, in the water or in the air, with room to go."""
    x = rng.uniform(0.14, 0.86)
    if doing and doing.direction in ("left", "right"):
        x = rng.uniform(0.5, 0.88) if doing.direction == "left" else rng.uniform(0.12, 0.5)
    low = place.height - 0.3 * size
    if kind in WEIGHTLESS or kind == "swimmer" or place.ground is None:
        up = {"up": (0.5, 0.8), "down": (0.2, 0.5)}.get(doing.direction if doing else "", (0.22, 0.75))
        y = rng.uniform(*up) * place.height
    elif place.water and kind in ("boat", "waddler") and not place.submerged and rng.random() < 0.8:
        y = rng.uniform(*place.water) - 0.3 * size
    elif (doing and doing.action == "fall") or rng.random() < 0.08:
        y = rng.uniform(0.14, 0.35) * place.height
    else:
        y = rng.uniform(min(place.ground, low), low) - FOOT * size
    return np.array([x * place.width, float(np.clip(y, 0.14 * place.height, 0.86 * place.height))])


class Mover:
    """Moves one thing, frame by frame."""

    def __init__(self, rng: Rng, kind: str, doing: Doing | None, size: float, place: Place) -> None:
        self.kind, self.doing, self.size, self.place = kind, doing, size, place
        self.velocity, self.rebound = np.zeros(2), 0.0
        self.want = np.zeros(2)
        self.spin = rng.choice([-1.0, 1.0]) * rng.uniform(0.05, 0.11)
        self.wait = 0 if rng.random() < 0.5 else int(rng.integers(1, 10))
        self.hover = rng.uniform(0.2, 0.4) * place.height
        if doing and doing.action in SPEED:
            self._aim(rng, doing)
        if doing:
            self.spin *= HASTE[doing.manner]

    def _aim(self, rng: Rng, doing: Doing) -> None:
        speed = SPEED[doing.action] * HASTE[doing.manner] * rng.uniform(0.8, 1.2)
        sign = {"left": -1.0, "right": 1.0}.get(doing.direction, float(rng.choice([-1.0, 1.0])))
        slope = rng.uniform(-0.35, 0.35) if self.kind in (*WEIGHTLESS, "swimmer") else 0.0
        self.want = speed * np.array([sign, slope])
        if doing.direction in ("up", "down"):
            self.want = speed * np.array([0.3 * rng.uniform(-1, 1), -1.0 if doing.direction == "up" else 1.0])

    def step(self, at: Array, seen: Array, time: int) -> tuple[Array, float]:
        """What it goes by itself from world position `at`, seen at `seen` in the frame: a step [2] and a turn."""
        self._turn_round(seen)
        want = self.want if time >= self.wait else np.zeros(2)
        height = self.height(at)
        if self._floats(at):
            if self.kind == "balloon" and not np.any(self.want):
                want = np.array([0.0, -RISE if seen[1] > self.hover else 0.0])
            self.velocity += 0.22 * (want - self.velocity)
        elif self.place.submerged and height > 0:
            self.velocity += 0.2 * (np.array([want[0], min(SINK, height)]) - self.velocity)
        elif height > 0 or self.rebound:
            self._fall(height)
        else:
            self.velocity = np.array([self.velocity[0] + 0.22 * (want[0] - self.velocity[0]), 0.0])
        turn = 0.0
        if self.kind in ROLLING:
            turn = float(self.velocity[0]) / (ROLL * self.size)
        if self.doing and self.doing.action == "spin" and time >= self.wait:
            turn += self.spin
        return self.velocity.copy(), float(np.clip(turn, -THE_FASTEST_TURN, THE_FASTEST_TURN))

    def _fall(self, height: float) -> None:
        if self.rebound:
            self.velocity[1], self.rebound = -self.rebound, 0.0
            return
        self.velocity[1] = min(self.velocity[1] + GRAVITY, FASTEST_FALL)
        if self.velocity[1] >= height:  # comes down to the line in this frame
            bounce = SPRINGY.get(self.kind, STIFF) * float(self.velocity[1])
            self.rebound = bounce if bounce > 1.2 else 0.0
            self.velocity[1] = height

    def height(self, at: Array) -> float:
        """How far above where it would come to rest, in pixels."""
        if self.place.ground is None or (self._swims(at) and self.kind not in WEIGHTLESS):
            return 0.0
        return max(0.0, self.place.ground - FOOT * self.size - float(at[1]))

    def _floats(self, at: Array) -> bool:
        if self.kind in WEIGHTLESS or self.kind == "swimmer":
            return True
        return self._swims(at)

    def _swims(self, at: Array) -> bool:
        """Whether its foot is in the sea, with air above."""
        water = self.place.water
        foot = float(at[1]) + 0.3 * self.size
        return water is not None and not self.place.submerged and water[0] <= foot <= water[1]

    def _turn_round(self, seen: Array) -> None:
        margin = 0.5 * self.size
        for axis, edge, rim in ((0, self.place.width, margin), (1, self.place.height, 0.8 * margin)):
            if seen[axis] < rim:
                self.want[axis] = abs(self.want[axis])
            elif seen[axis] > edge - rim:
                self.want[axis] = -abs(self.want[axis])


def move(rng: Rng, mover: Mover, start: Array, angle: float, held: Array, camera: Array) -> Base:
    """The base path over all frames of `camera` [F, 2, 3] (world → frame); `held` [F / 4] says in which chunks a hand leads."""
    frames = len(camera)
    world, seen = np.zeros((frames + 1, 2)), np.zeros((frames + 1, 2))
    angles, air, steps = np.full(frames + 1, angle), np.zeros(frames), np.zeros((frames, 2))
    seen[0] = start
    world[0] = to_world(camera[0], start)
    hand = np.zeros((0, 2))
    for f in range(frames):
        chunk = f // CHUNK
        if held[chunk]:
            if f % CHUNK == 0 and (chunk == 0 or not held[chunk - 1]):
                hand = _hand(rng, (len(held) - chunk) * CHUNK, seen[f], mover.place)
                first = f
            seen[f + 1] = hand[f - first]
            world[f + 1] = to_world(camera[f], seen[f + 1])
            steps[f] = seen[f + 1] - seen[f]
            turn = np.clip(steps[f, 0] / (ROLL * mover.size), -THE_FASTEST_TURN, THE_FASTEST_TURN)
            angles[f + 1] = angles[f] + (turn if mover.kind in ROLLING else 0.0)
            mover.velocity = 0.4 * steps[f]
        else:
            steps[f], turn = mover.step(world[f], seen[f], f)
            world[f + 1] = world[f] + steps[f]
            seen[f + 1] = camera[f, :, :2] @ world[f + 1] + camera[f, :, 2]
            angles[f + 1] = angles[f] + turn
        air[f] = mover.height(world[f + 1])
    return Base(world, seen, angles, held, air, steps)


def to_world(camera: Array, at: Array) -> Array:
    """Where `at` [2] of the frame is in the world under one `camera` [2, 3]."""
    return np.linalg.solve(camera[:, :2], at - camera[:, 2])


def _hand(rng: Rng, frames: int, start: Array, place: Place) -> Array:
    """A hand's path [frames, 2] from `start`."""
    return paths.hand_drag(rng, frames, start, place.width, place.height)[0]
