"""A thing in another colour: the largest part of it that is of one colour, with its light and shade; the rest stays."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # Rec. 601
HUES = 24  # bins of the colour circle; a colour of a thing takes three of them, from red to orange
PALE = 0.1  # chroma below which a pixel has no hue to speak of
DARK = 0.3  # luma below which pale pixels are lines and shadow, and no part of their own
# Cosines between a pixel's hue and the part's: it belongs to it, as orange does to red, and does not, as leaves do not to a fruit.
ALIKE, UNLIKE = 0.7, 0.45
LIGHT = 0.75  # how far what is lighter than the part's mean goes towards white


def recolored(sprite: Tensor, rgb: tuple[float, float, float]) -> Tensor:
    """A premultiplied `sprite` [4, h, w] in 0..1 whose main part has the colour `rgb` (0..1): [4, h, w]."""
    opacity = sprite[3]
    color = (sprite[:3] / sprite[3:].clamp_min(1e-3)).clamp(0, 1)  # [3, h, w]
    luma = torch.einsum("c,chw->hw", color.new_tensor(LUMA), color)
    part = _main_part(color, luma, opacity)
    mean = (luma * part * opacity).sum() / (part * opacity).sum().clamp_min(1e-6)
    shade = (luma / mean.clamp_min(0.05)).clamp(0, 1) * color.new_tensor(rgb).view(3, 1, 1)
    lighter = ((luma - mean) / (1 - mean).clamp_min(0.05)).clamp(0, 1) * LIGHT
    painted = torch.lerp(color, shade + (1 - shade) * lighter, part)
    return torch.cat([painted * opacity, sprite[3:]])


def _main_part(color: Tensor, luma: Tensor, opacity: Tensor) -> Tensor:
    """How far each pixel [h, w] belongs to the largest part of one colour, 0..1: of one hue, or pale as a whole."""
    chroma = torch.stack([color[2] - luma, color[0] - luma])  # towards blue and towards red
    strength, hue = chroma.norm(dim=0), torch.atan2(chroma[1], chroma[0])
    coloured = (opacity > 0.5) & (strength >= PALE)
    hues = torch.histc(hue[coloured], HUES, -math.pi, math.pi)
    around = hues + hues.roll(1) + hues.roll(-1)
    pale = ((strength < PALE) & (luma > DARK) & (opacity > 0.5)).sum()
    if float(around.max()) <= float(pale):
        made: Tensor = ((1.6 * PALE - strength) / (0.8 * PALE)).clamp(0, 1)
        return made
    most = (int(around.argmax()) + 0.5) / HUES * 2 * math.pi - math.pi
    towards = chroma[:, coloured & (torch.cos(hue - most) >= math.cos(3 * math.pi / HUES))].sum(
        1
    )  # of the three bins
    main = torch.atan2(towards[1], towards[0])
    alike = ((torch.cos(hue - main) - UNLIKE) / (ALIKE - UNLIKE)).clamp(0, 1)
    made = alike * ((strength - 0.4 * PALE) / (0.6 * PALE)).clamp(0, 1)
    return made
