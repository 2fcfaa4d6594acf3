"""How each kind of body moves on its base path: hops, steps, flaps, waves, wobbles, breath. Deformations, frame by frame.

A gait follows the distance gone; what a thing does at rest follows time. Phases and strengths are drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowbrush.training.world.bodies import Base
from flowbrush.training.world.life import CYCLE, Life, life_of
from flowbrush.training.world.shapes import Shape
from flowbrush.training.world.verbs import Doing

Rng = np.random.Generator


def live(rng: Rng, kind: str, doing: Doing | None, base: Base, size: float) -> Shape:
    """The shape of a thing of this kind and size (pixels) along its base path."""
    life = life_of(rng, kind, doing, base, size)
    shape = Shape.rest(len(base.step))
    GAITS[kind](life, shape)
    _trail(life, shape)
    return shape


def _trail(life: Life, shape: Shape) -> None:
    """Springs bend every body: sideways it leans, up and down it is squashed and stretched; far parts trail behind a hand."""
    side, along = life.spring[:, 0], life.spring[:, 1]
    shape.lean += 0.8 * side
    squash = np.clip(along / life.size, -0.2, 0.2)
    shape.tall *= 1 - 1.1 * squash
    shape.wide *= 1 + 0.7 * squash
    shape.lag += 0.5 * life.spring * life.led[:, None]
    shape.anchor = (float(life.rng.uniform(-0.2, 0.2)), float(life.rng.uniform(-0.25, 0.25)))


def _breathe(life: Life, shape: Shape, part: float = 0.05) -> None:
    """In and out, a slow sway, and now and then a quick duck as if it blinked."""
    breath = np.sin(life.beat(30 / (1.0 if life.action != "rest" else 0.7)))
    depth = part * (1.5 if life.action == "rest" else 1.0) * life.rng.uniform(0.8, 1.2)
    shape.tall *= 1 + depth * breath
    shape.wide *= 1 - 0.5 * depth * breath
    still = 1 - life.going
    shape.lean += still * life.high(0.04, 2.0, 4.0) * np.sin(life.beat(47))
    if life.action != "rest":
        every, first = life.rng.uniform(28, 60), life.rng.uniform(0, 40)
        since = (life.time + first) % every
        shape.tall *= 1 - 0.09 * still * np.exp(-(((since - 4) / 1.6) ** 2))


def _walker(life: Life, shape: Shape) -> None:
    _breathe(life, shape)
    if life.action == "hop":
        _hops(life, shape, 0.5, 0.2)
        return
    fast = 1.0 if life.action != "run" else 1.6
    step = life.stride(0.3 * fast**0.5)
    shape.dy -= life.going * fast**0.5 * life.high(0.08, 3.0, 7.0) * np.abs(np.sin(step))
    shape.rock += life.going * 0.1 * np.sin(step)
    shape.tall *= 1 - life.going * 0.06 * np.cos(2 * step)
    shape.lean += life.going * life.way * 0.05 * fast * life.size


def _hops(life: Life, shape: Shape, length: float, part: float) -> None:
    turn = life.stride(length)
    up = np.abs(np.sin(turn))
    shape.dy -= life.going * life.high(part, 7.0, 14.0) * up
    down = np.clip(1 - 2.5 * up, 0, 1)
    shape.tall *= 1 + life.going * (0.1 * np.clip(up - 0.3, 0, 1) - 0.2 * down)
    shape.wide *= 1 + life.going * (0.14 * down - 0.05 * up)
    shape.rock -= life.going * life.way * 0.14 * np.sin(2 * turn)


def _hopper(life: Life, shape: Shape) -> None:
    _breathe(life, shape)
    _hops(life, shape, 0.6, 0.24)


def _waddler(life: Life, shape: Shape) -> None:
    _breathe(life, shape)
    if life.action == "hop":
        _hops(life, shape, 0.5, 0.18)
        return
    step = life.stride(0.26)
    shape.rock += life.going * 0.2 * life.rng.uniform(0.85, 1.15) * np.sin(step)
    shape.dy -= life.going * life.high(0.05, 2.0, 4.0) * np.abs(np.cos(step))


def _crawler(life: Life, shape: Shape) -> None:
    _breathe(life, shape, 0.04)
    step = life.stride(0.16)
    shape.dy -= life.going * life.high(0.045, 2.5, 4.0) * np.abs(np.sin(step))
    shape.wave = life.going * life.high(0.045, 2.5, 4.0)
    shape.phase = 2 * step
    shape.ripple, shape.upright = 1.2, False


def _ball(life: Life, shape: Shape) -> None:
    shape.pivot = 0.42
    if life.action == "bounce":
        turn = life.beat(20, 0.15) / 2
        up = np.abs(np.sin(turn))
        shape.dy -= life.high(0.42, 18.0, 28.0) * up
        down = np.clip(1 - 3 * up, 0, 1)
        shape.tall *= 1 + 0.06 * up - 0.24 * down
        shape.wide *= 1 + 0.16 * down - 0.03 * up
        return
    still = 1 - life.going
    shape.tall *= 1 + 0.035 * still * np.sin(life.beat(28))
    shape.rock += still * 0.06 * np.sin(life.beat(38))


def _soft(life: Life, shape: Shape) -> None:
    amount = 2.2 if life.action == "wobble" else 1.0
    pulse = life.beat(14 if life.action == "wobble" else 30)
    shape.tall *= 1 + 0.045 * amount * np.sin(pulse)
    shape.wide *= 1 - 0.03 * amount * np.sin(pulse)
    shape.lean += amount * life.high(0.045, 2.5, 4.5) * np.sin(pulse * 0.5 + 1)
    shape.bend += 1.3 * life.spring[:, 0]


def _plant(life: Life, shape: Shape) -> None:
    amount = 1.7 if life.action == "sway" else 1.0
    slow = life.beat(44)
    gust = 1 + 0.4 * np.sin(life.beat(110))
    shape.bend += amount * life.high(0.085, 4.0, 7.0) * gust * np.sin(slow)
    shape.bend += amount * life.high(0.03, 1.5, 2.5) * np.sin(2.3 * slow) + 1.2 * life.spring[:, 0]
    if life.action == "grow":
        at = (life.beat(72) / CYCLE) % 1
        risen = np.where(at < 0.75, at / 0.75, (1 - at) / 0.25)
        grown = 0.84 + 0.32 * risen**2 * (3 - 2 * risen)
        shape.tall *= grown
        shape.wide *= 0.5 + 0.5 * grown


def _flyer(life: Life, shape: Shape) -> None:
    shape.pivot = 0.0
    rests = life.action == "rest"
    wings = life.beat(14 if rests else 7, 0.15)
    strength = 0.5 if rests else 0.75 + 0.25 * life.going
    shape.flap = strength * life.high(0.13, 6.0, 10.0) * np.sin(wings)
    shape.wide *= 1 - 0.09 * strength * (1 + np.cos(wings))
    shape.dy += strength * life.high(0.05, 2.5, 4.0) * np.sin(wings + 0.6)
    shape.dy += life.high(0.06, 3.0, 5.0) * np.sin(life.beat(40))
    shape.rock += 0.12 * life.going * life.way


def _swimmer(life: Life, shape: Shape) -> None:
    shape.pivot = 0.0
    pace = life.beat(18) + 0.09 * life.gone
    shape.wave = (0.65 + 0.35 * life.going) * life.high(0.085, 4.0, 7.0)
    shape.phase, shape.ripple = pace, 0.8
    shape.tall *= 1 + 0.05 * np.sin(pace * 0.5)
    shape.dy += life.high(0.06, 3.0, 5.0) * np.sin(life.beat(46))
    shape.rock += 0.07 * np.sin(life.beat(38))


def _boat(life: Life, shape: Shape) -> None:
    shape.pivot = 0.36
    amount = 1.5 if life.action == "rock" else 1.0
    swell = life.beat(30)
    shape.rock += amount * life.rng.uniform(0.11, 0.16) * np.sin(swell)
    shape.dy += amount * life.high(0.05, 2.5, 4.5) * np.sin(swell + life.rng.uniform(0.8, 2))
    shape.lean += 0.05 * life.size * life.going * life.way


def _vehicle(life: Life, shape: Shape) -> None:
    bumps = life.stride(0.22)
    shape.dy -= (
        life.going * life.high(0.05, 2.5, 4.0) * np.abs(np.sin(bumps)) * (0.6 + 0.4 * np.sin(bumps * 0.37))
    )
    shape.rock += life.going * 0.045 * np.sin(bumps * 0.61)
    engine = life.beat(6, 0.1)
    shape.tall *= 1 + 0.022 * np.sin(engine)
    shape.lean += life.going * -life.way * 0.05 * life.size


def _rocket(life: Life, shape: Shape) -> None:
    shape.pivot = 0.0
    shake = life.beat(5, 0.1)
    shape.dx += 1.2 * np.sin(shake)
    shape.dy += life.high(0.08, 4.0, 6.0) * np.sin(life.beat(34)) + 0.8 * np.sin(1.7 * shake)
    shape.rock += 0.06 * np.sin(life.beat(42)) + 0.1 * life.going * life.way
    shape.tall *= 1 + 0.05 * life.going


def _balloon(life: Life, shape: Shape) -> None:
    shape.pivot = -0.2
    amount = 1.6 if life.action == "sway" else 1.0
    swing = life.beat(44)
    shape.rock += amount * 0.13 * np.sin(swing)
    shape.dx += amount * life.high(0.05, 2.5, 4.0) * np.sin(swing + 0.7)
    shape.dy += life.high(0.06, 3.0, 5.0) * np.sin(life.beat(36))
    shape.bend -= 1.0 * life.spring[:, 0]  # its string, below the pivot, trails


def _star(life: Life, shape: Shape) -> None:
    shape.pivot = 0.0
    pulse = np.sin(life.beat(24))
    shape.tall *= 1 + 0.07 * pulse
    shape.wide *= 1 + 0.07 * pulse
    shape.rock += 0.12 * np.sin(life.beat(40))
    shape.dy += life.high(0.05, 2.5, 4.0) * np.sin(life.beat(50))


def _stiff(life: Life, shape: Shape) -> None:
    amount = 2.2 if life.action in ("wobble", "rock") else 1.0
    period = {"wobble": 16.0, "rock": 26.0}.get(life.action, 40.0)
    sway = life.beat(period)
    shape.rock += amount * 0.055 * np.sin(sway)
    shape.tall *= 1 + 0.022 * amount * np.sin(sway * 0.5)
    step = life.stride(0.25)
    shape.dy -= life.going * life.high(0.06, 3.0, 5.0) * np.abs(np.sin(step))
    shape.rock += life.going * 0.1 * np.sin(step)


def _flame(life: Life, shape: Shape) -> None:
    lick = life.beat(9)
    shape.tall *= 1 + 0.1 * np.sin(lick) + 0.05 * np.sin(1.7 * lick)
    shape.wave = life.high(0.06, 3.0, 5.0) * np.ones(len(lick))
    shape.phase, shape.ripple, shape.upright = life.beat(12), 1.0, True
    shape.bend += life.high(0.06, 3.0, 5.0) * np.sin(life.beat(31))


def _cut_out(life: Life, shape: Shape) -> None:
    breath = np.sin(life.beat(34))
    shape.tall *= 1 + 0.03 * breath
    shape.wide *= 1 - 0.015 * breath
    shape.lean += life.high(0.03, 2.0, 4.0) * np.sin(life.beat(50))
    shape.bend += life.spring[:, 0]


GAITS: dict[str, Callable[[Life, Shape], None]] = {
    "ball": _ball, "round": _ball, "soft": _soft, "plant": _plant, "walker": _walker, "hopper": _hopper, "waddler": _waddler,
    "crawler": _crawler, "flyer": _flyer, "swimmer": _swimmer, "boat": _boat, "vehicle": _vehicle, "rocket": _rocket,
    "balloon": _balloon, "star": _star, "stiff": _stiff, "flame": _flame, "cut-out": _cut_out,
}  # fmt: skip
"""Kind of body → what bends it."""
