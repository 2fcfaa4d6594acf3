"""How a thing can be bent, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowbrush.training.world.bodies import FOOT

Array = np.ndarray


@dataclass
class Shape:
    """How a thing is bent in each of F frames. Lengths in pixels, angles in radians; all [F] but `lag` [F, 2].

    About the pivot (a fraction of the size below the middle): scaled by (`wide`, `tall`), turned by `rock`, sheared so that what is
    one size above it goes `lean` to the right; then what is far from `anchor` (fractions of the size) trails by `lag`, the
    part one size above the pivot bends by `bend` (growing with the square), and waves run along it: `wave` pixels high, `ripple`
    long in waves a size, in phase `phase`, along x or (`upright`) y; `flap` lifts what is half a size left and right of the middle.
    At last all goes by (`dx`, `dy`).
    """

    dx: Array
    dy: Array
    rock: Array
    wide: Array
    tall: Array
    lean: Array
    bend: Array
    flap: Array
    wave: Array
    phase: Array
    lag: Array
    pivot: float = FOOT
    ripple: float = 1.0
    upright: bool = False
    anchor: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def rest(cls, frames: int) -> Shape:
        """A thing that is not bent."""
        dx, dy, rock, lean, bend, flap, wave, phase = np.zeros((8, frames))
        tall, wide = np.ones((2, frames))
        return cls(dx, dy, rock, wide, tall, lean, bend, flap, wave, phase, np.zeros((frames, 2)))
