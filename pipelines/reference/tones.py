"""The light of another time of day or another weather on a scene, which stays: a curve of its colours. Pure functions.

At night film is exposed shorter and tinted blue ("day for night"); what is far away in falling snow or rain pales.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor

from flowbrush.pipelines.reference.recolor import LUMA

Color = tuple[float, float, float]


class Tone(NamedTuple):
    """What is made of colours in 0..1: `pale` towards grey, `deep` darker in the shadows than in the light, times `color`, then a
    `veil` of another colour, as far as it is `veiled`. What is bright and blue, as a sky, has that blue as red before all that, as
    far as it `glows`: a blue that is merely tinted is grey. As it is given here, everything stays as it is.
    """

    pale: float = 0.0
    deep: float = 0.0
    color: Color = (1.0, 1.0, 1.0)
    veil: Color = (0.0, 0.0, 0.0)
    veiled: float = 0.0
    glows: float = 0.0


DAY = Tone()
TONES = {
    "night": Tone(pale=0.45, deep=0.5, color=(0.42, 0.49, 0.69)),
    "sunset": Tone(pale=0.1, deep=0.3, color=(1.1, 0.84, 0.66), veil=(1.0, 0.5, 0.3), veiled=0.07, glows=1.0),
    "snow": Tone(pale=0.5, color=(0.95, 0.98, 1.0), veil=(0.93, 0.95, 1.0), veiled=0.38),
    "rain": Tone(pale=0.5, deep=0.25, color=(0.70, 0.76, 0.82), veil=(0.55, 0.60, 0.66), veiled=0.22),
    "fog": Tone(pale=0.45, veil=(0.80, 0.82, 0.84), veiled=0.52),
    "clouds": Tone(pale=0.35, deep=0.1, color=(0.86, 0.89, 0.93)),
    "grey": Tone(pale=1.0),
    "sepia": Tone(pale=1.0, color=(1.06, 0.92, 0.72), veil=(0.35, 0.22, 0.1), veiled=0.08),
}
"""By the scene, the weather or the look that a prompt names; chosen by eye on seven photos."""
LOOKS = ("grey", "sepia")
"""Those of a picture whatever it shows: "at night in black and white" is grey."""


def tone_of(light: str | None, weather: Collection[str], by_day: bool, clears: bool = False) -> Tone | None:
    """The tone of what a prompt says; None where that is nothing of the light. Where a weather `clears` it is the scene's own."""
    if clears:
        return DAY
    looks = [name for name in weather if name in LOOKS]
    named = next((TONES[name] for name in (*looks, light, *weather) if name in TONES), None)
    return named or (DAY if by_day else None)


def between(one: Tone, other: Tone, share: float) -> Tone:
    """A tone on the way from one to the other, `share` 0..1 of it."""

    def mixed(a: float, b: float) -> float:
        return a + (b - a) * share

    def colors(a: Color, b: Color) -> Color:
        return mixed(a[0], b[0]), mixed(a[1], b[1]), mixed(a[2], b[2])

    return Tone(
        mixed(one.pale, other.pale),
        mixed(one.deep, other.deep),
        colors(one.color, other.color),
        colors(one.veil, other.veil),
        mixed(one.veiled, other.veiled),
        mixed(one.glows, other.glows),
    )


def toned(frames: Tensor, tones: Collection[Tone]) -> Tensor:
    """Frames [F, 3, H, W] in 0..1, each in its tone; they themselves where all of them are DAY."""
    if all(tone == DAY for tone in tones):
        return frames
    pale, deep, veiled, glows = (
        frames.new_tensor([getattr(tone, name) for tone in tones]).view(-1, 1, 1, 1)
        for name in ("pale", "deep", "veiled", "glows")
    )
    color, veil = (
        frames.new_tensor([getattr(tone, name) for tone in tones])[..., None, None]
        for name in ("color", "veil")
    )
    luma = torch.einsum("c,fchw->fhw", frames.new_tensor(LUMA), frames)[:, None]
    if any(tone.glows for tone in tones):
        frames = _glowing(frames, luma, glows)
    made = torch.lerp(frames, luma.expand_as(frames), pale)
    made = made * ((1 - deep) + deep * made) * color
    return torch.lerp(made, veil.expand_as(made), veiled)


def _glowing(frames: Tensor, luma: Tensor, glows: Tensor) -> Tensor:
    """Frames [F, 3, H, W] whose bright blues are as much more red as they were blue; `luma` [F, 1, H, W] says what is bright."""
    red, green, blue = frames.split(1, 1)
    by = (blue - red).clamp_min(0) * (glows * luma.square())
    return torch.cat([red + by, green, blue - by], 1)
