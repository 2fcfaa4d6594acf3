"""What lives in the scenes: sea, clouds, grass, plants and haze as flows; weather, stars and glitter as spots of light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from flowbrush.training.world.deform import cells
from flowbrush.training.world.particles import Veil, falling, splat, twinkling
from flowbrush.training.world.scenes import Layout
from flowbrush.training.world.verbs import Weather

Rng = np.random.Generator
Array = np.ndarray
HOW_MUCH = {"light": 0.45, "": 1.0, "heavy": 2.2}
WHITE = (0.97, 0.98, 1.0)


@dataclass
class View:
    """The world as a camera [F, 2, 3] sees it: `x`, `y` [F, h, w] the world's place of each latent cell, `t` [F, 1, 1]; `layout` in
    world pixels; `wind` -2..2.
    """

    camera: Array
    width: int
    height: int
    layout: Layout
    wind: float
    x: Array = field(init=False)
    y: Array = field(init=False)
    t: Array = field(init=False)

    def __post_init__(self) -> None:
        across, down = np.broadcast_arrays(*cells(self.width, self.height))
        inverse = np.linalg.inv(self.camera[:, :, :2])
        moved = np.stack([across, down], -1) - self.camera[:, None, None, :, 2]
        world = np.einsum("fij,fyxj->fyxi", inverse, moved)
        self.x, self.y = world[..., 0], world[..., 1]
        self.t = np.arange(len(self.camera), dtype=float)[:, None, None]

    def shown(self, at: Array) -> Array:
        """World places [N, 2] in the frame: [F, N, 2]."""
        made: Array = np.einsum("fij,nj->fni", self.camera[:, :, :2], at) + self.camera[:, None, :, 2]
        return made

    @property
    def pan(self) -> Array:
        """How the camera shifts the frame's middle [F, 2]."""
        middle = np.array([[self.width / 2, self.height / 2]])
        made: Array = self.shown(middle)[:, 0] - middle
        return made

    def wave(self, rng: Rng, length: float, period: float, slant: float = 0.3) -> Array:
        """A wave [F, h, w] in -1..1 that runs across, about `length` pixels long, once in about `period` frames."""
        angle = rng.normal(0, slant)
        k = 2 * np.pi / (length * rng.uniform(0.8, 1.25)) * np.array([np.cos(angle), np.sin(angle)])
        omega = 2 * np.pi / (period * rng.uniform(0.8, 1.25)) * rng.choice([-1.0, 1.0])
        made: Array = np.sin(k[0] * self.x + k[1] * self.y + omega * self.t + rng.uniform(0, 2 * np.pi))
        return made

    def below(self, y: float, over: float) -> Array:
        """0 above the world's row `y`, 1 below it, within `over` pixels."""
        return _smooth((self.y - y) / over)

    def sway(self, rng: Rng, amount: float, period: float) -> Array:
        """All of it to and fro [F, 1, 1], `amount` pixels far."""
        return amount * np.sin(2 * np.pi * (self.t / (period * rng.uniform(0.85, 1.2)) + rng.random()))


@dataclass
class Alive:
    """What a scene does: its flow [F, 2, h, w] in pixels, spots behind the things and in front of them, and light [F, h, w] that is
    added on the ground.
    """

    flow: Array
    behind: list[Veil]
    before: list[Veil]
    glow: Array


def enliven(rng: Rng, scene: str, view: View, weather: Weather | None) -> Alive:
    """A scene in motion."""
    zero = np.zeros_like(view.x)
    alive = Alive(np.stack([zero, zero], 1), [], [], zero.copy())
    LIVES[scene](rng, view, alive)
    if weather:
        _weather(rng, view, alive, weather)
    elif scene == "snow":
        _weather(rng, view, alive, Weather("snow"))
    linear = view.camera[:, :, :2]
    flow = np.einsum("fij,fjyx->fiyx", linear, alive.flow)
    alive.flow = (10 * np.tanh(flow / 10)).astype(np.float32)
    return alive


def _smooth(k: Array) -> Array:
    k = np.clip(k, 0, 1)
    made: Array = k * k * (3 - 2 * k)
    return made


def _clouds(rng: Rng, view: View, alive: Alive, bottom: float) -> None:
    sky = 1 - view.below(bottom - 34, 26)
    amount = rng.uniform(4.5, 8) * (1 + 0.15 * abs(view.wind))
    alive.flow[:, 0] += sky * (view.sway(rng, amount, 80) + 1.2 * view.wave(rng, 90, 50))
    alive.flow[:, 1] += sky * 1.0 * view.wave(rng, 110, 44)


def _grass(rng: Rng, view: View, alive: Alive, top: float, amount: float) -> None:
    blown = (amount + 0.9 * abs(view.wind)) * rng.uniform(0.85, 1.15)
    depth = view.below(top, 40)
    alive.flow[:, 0] += depth * blown * (0.7 * view.wave(rng, 64, 26) + 0.45 * view.wave(rng, 130, 38))
    alive.flow[:, 1] += depth * 0.3 * blown * view.wave(rng, 80, 30)


def _sea(rng: Rng, view: View, alive: Alive, top: float, bottom: float, amount: float) -> None:
    band = view.below(top + 1, 10) * (1 - view.below(bottom + 10, 16))
    lap = view.below((top + bottom) / 2, (bottom - top) / 2)
    swell = rng.uniform(0.85, 1.2) * amount * (1 + 0.2 * abs(view.wind))
    alive.flow[:, 1] += (
        band * swell * (0.65 * view.wave(rng, 70, 24, 0.15) + 0.35 * view.wave(rng, 38, 17, 0.3))
    )
    alive.flow[:, 1] += band * lap * view.sway(rng, 1.1 * amount, 40)
    alive.flow[:, 0] += band * 0.9 * swell * view.wave(rng, 95, 32)


def _glitter(
    rng: Rng, view: View, alive: Alive, x: tuple[float, float], y: tuple[float, float], count: int
) -> None:
    at = np.stack([rng.uniform(*x, count), rng.uniform(*y, count)], 1)
    spots = twinkling(rng, len(view.t), view.shown(at), (1.0, 1.7), (9, 22))
    alive.behind.append(Veil((1.0, 0.98, 0.86), splat(spots, view.width, view.height, (1.9, 0.75))))


def _haze(rng: Rng, view: View, alive: Alive, top: float, bottom: float, amount: float) -> None:
    band = view.below(top, 20) * (1 - view.below(bottom, 40))
    alive.flow[:, 0] += (
        band * amount * (0.6 * view.wave(rng, 42, 11, 1.4) + 0.4 * view.wave(rng, 60, 17, 1.4))
    )
    alive.flow[:, 1] += band * 0.8 * amount * view.wave(rng, 48, 13, 1.4)


def _blowing(
    rng: Rng, view: View, alive: Alive, colour: tuple[float, float, float], count: int, size: float
) -> None:
    drift = np.sign(view.wind or rng.choice([-1, 1])) * (1.5 + 1.6 * abs(view.wind))
    spots = falling(rng, len(view.t), view.pan, (view.width, view.height), count, (0.2, 0.9), drift,
                    (0.7 * size, 1.2 * size), 5, (0.35, 0.8))  # fmt: skip
    alive.before.append(Veil(colour, splat(spots, view.width, view.height, (1.4, 0.8))))


def _meadow(rng: Rng, view: View, alive: Alive) -> None:
    horizon = view.layout.horizon
    _clouds(rng, view, alive, horizon)
    _grass(rng, view, alive, horizon + 4, 3.2)
    _blowing(rng, view, alive, (0.98, 0.97, 0.8), int(rng.integers(6, 14)), 1.3)


def _beach(rng: Rng, view: View, alive: Alive) -> None:
    water = view.layout.water or (0, 0)
    _clouds(rng, view, alive, view.layout.horizon)
    _sea(rng, view, alive, water[0], water[1], 3.2)
    _glitter(rng, view, alive, (-40, view.width + 40), (water[0] + 4, water[1] - 3), 70)


def _night(rng: Rng, view: View, alive: Alive) -> None:
    at = np.stack([rng.uniform(-60, view.width + 60, 90), rng.uniform(-20, view.layout.horizon - 12, 90)], 1)
    stars = twinkling(rng, len(view.t), view.shown(at), (1.0, 1.9), (12, 30))
    alive.behind.append(Veil((1.0, 0.99, 0.9), splat(stars, view.width, view.height)))
    sky = 1 - view.below(view.layout.horizon - 20, 16)
    alive.flow[:, 0] += sky * view.sway(rng, rng.uniform(1.5, 3), 90)
    alive.flow[:, 1] += sky * 1.2 * view.wave(rng, 140, 50)
    curtain = np.clip(view.wave(rng, 120, 60, 0.2) + 0.6 * view.wave(rng, 60, 36, 0.2), 0, 2)
    alive.glow += sky * 0.07 * curtain * view.below(-20, view.layout.horizon)
    _grass(rng, view, alive, view.layout.horizon + 10, 2.0)
    flies = np.stack(
        [rng.uniform(0, view.width, 9), rng.uniform(view.layout.horizon - 10, view.height, 9)], 1
    )
    wander = 9 * np.sin(
        np.arange(len(view.t))[:, None, None] * rng.uniform(0.06, 0.16, (1, 9, 2))
        + rng.uniform(0, 6, (1, 9, 2))
    )
    glow = twinkling(rng, len(view.t), view.shown(flies) + wander, (1.6, 2.4), (16, 34))
    alive.before.append(Veil((0.85, 1.0, 0.5), splat(glow, view.width, view.height)))


def _snow(rng: Rng, view: View, alive: Alive) -> None:
    _clouds(rng, view, alive, view.layout.horizon)
    trees = view.below(view.layout.horizon - 24, 22) * (1 - view.below(view.layout.horizon + 8, 26))
    alive.flow[:, 0] += trees * (2.0 + 0.8 * abs(view.wind)) * view.wave(rng, 110, 32)


def _desert(rng: Rng, view: View, alive: Alive) -> None:
    _haze(rng, view, alive, view.layout.horizon - 40, view.layout.horizon + 30, rng.uniform(2.2, 3.2))
    ripple = view.below(view.layout.ground, 50)
    alive.flow[:, 0] += ripple * 1.6 * view.wave(rng, 70, 40)
    _blowing(rng, view, alive, (0.96, 0.85, 0.62), int(rng.integers(16, 34)), 1.2)


def _under_water(rng: Rng, view: View, alive: Alive) -> None:
    floor = view.layout.ground
    plants = view.below(floor - 110, 70) * (1 - view.below(floor, 20))
    alive.flow[:, 0] += plants * rng.uniform(3.5, 5) * view.wave(rng, 90, 34, 0.9)
    alive.flow[:, 0] += 1.2 * view.wave(rng, 120, 40, 0.6)
    alive.flow[:, 1] += 1.6 * view.wave(rng, 100, 36, 0.6)
    rays = np.clip(view.wave(rng, 60, 36, 0.25) + view.wave(rng, 35, 24, 0.25), 0, 2)
    alive.glow += 0.09 * rays * (1 - 0.7 * view.below(0, floor))
    spots = falling(rng, len(view.t), view.pan, (view.width, view.height), int(rng.integers(16, 30)), (-1.1, -2.6), 0.0,
                    (1.3, 2.8), 4, (0.35, 0.75))  # fmt: skip
    alive.before.append(Veil((0.82, 0.95, 1.0), splat(spots, view.width, view.height)))


def _sunset(rng: Rng, view: View, alive: Alive) -> None:
    water, sun = view.layout.water or (0, 0), view.layout.sun or (0, 0, 0)
    _sea(rng, view, alive, water[0] + 2, view.height + 60, 2.6)
    _clouds(rng, view, alive, sun[1] - 1.2 * sun[2])
    _haze(rng, view, alive, sun[1] - sun[2], water[0] - 4, 1.6)
    _glitter(rng, view, alive, (sun[0] - 30, sun[0] + 30), (water[0] + 4, water[1] + 60), 46)
    _glitter(rng, view, alive, (-40, view.width + 40), (water[0] + 4, view.height), 30)
    halo = np.exp(-((view.x - sun[0]) ** 2 + (view.y - sun[1]) ** 2) / (3.2 * sun[2]) ** 2)
    alive.glow += halo * (0.09 + view.sway(rng, 0.06, 26))


def _road(rng: Rng, view: View, alive: Alive) -> None:
    horizon = view.layout.horizon
    _haze(rng, view, alive, horizon - 30, horizon + 8, rng.uniform(1.4, 2.0))
    grass = view.below(horizon + 4, 10) * (1 - view.below(view.layout.ground - 14, 10))
    alive.flow[:, 0] += grass * (2.4 + 0.8 * abs(view.wind)) * view.wave(rng, 60, 24)
    shine = view.below(view.layout.ground - 8, 12)
    alive.glow += 0.035 * shine * view.wave(rng, 150, 30)
    _blowing(rng, view, alive, (0.86, 0.6, 0.25), int(rng.integers(8, 16)), 1.7)


def _photo(rng: Rng, view: View, alive: Alive) -> None:
    """Nobody knows what a photo shows: mostly it is still, sometimes it moves a little as if seen through air."""
    if rng.random() < 0.4:
        amount = rng.uniform(0.4, 1.0)
        alive.flow[:, 0] += amount * view.wave(rng, 110, 36, 1.0)
        alive.flow[:, 1] += 0.6 * amount * view.wave(rng, 130, 44, 1.0)


LIVES: dict[str, Callable[[Rng, View, Alive], None]] = {
    "meadow": _meadow, "beach": _beach, "night": _night, "snow": _snow, "desert": _desert, "under water": _under_water,
    "sunset": _sunset, "road": _road, "photo": _photo,
}  # fmt: skip


def _weather(rng: Rng, view: View, alive: Alive, weather: Weather) -> None:
    frames, size, much = len(view.t), (view.width, view.height), HOW_MUCH[weather.strength]
    share = view.width * view.height / (320 * 192)
    if weather.kind == "snow":
        spots = falling(rng, frames, view.pan, size, int(90 * much * share), (1.2, 3.2), 1.3 * view.wind,
                        (1.0, 2.4), 5, (0.55, 0.95))  # fmt: skip
        alive.before.append(Veil(WHITE, splat(spots, *size)))
    elif weather.kind == "rain":
        spots = falling(rng, frames, view.pan, size, int(75 * much * share), (9, 13), 0.5 * view.wind,
                        (0.8, 1.1), 0, (0.3, 0.55))  # fmt: skip
        alive.before.append(Veil((0.84, 0.9, 0.98), splat(spots, *size, (0.8, 5.5))))
        alive.glow -= 0.05 * min(much, 1.5)
        at = np.stack(
            [
                rng.uniform(0, view.width, int(24 * much)),
                rng.uniform(view.layout.ground, view.height, int(24 * much)),
            ],
            1,
        )
        rings = twinkling(rng, frames, view.shown(at), (1.4, 2.2), (7, 12))
        alive.behind.append(Veil((0.85, 0.9, 0.97), 0.6 * splat(rings, *size, (2.2, 0.7))))
    else:
        streaks = falling(
            rng,
            frames,
            view.pan,
            size,
            int(16 * much),
            (-0.2, 0.3),
            3.5 * view.wind,
            (0.8, 1.1),
            6,
            (0.2, 0.4),
        )
        alive.before.append(Veil(WHITE, splat(streaks, *size, (6.0, 0.7))))
