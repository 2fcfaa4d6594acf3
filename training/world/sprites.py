"""Objects as pictures: colour glyphs of a system font, cut out and kept at several sizes."""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

FONT_PATHS = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",
)
FONT_VARIABLE = "FLOWBRUSH_EMOJI_FONT"  # names a font file that is not installed
STRIKE = 109  # the only size of a bitmap colour font
SIZES = (
    40,
    56,
    80,
    112,
)  # sprite edge lengths in pixels; drawing picks the nearest and scales by at most 1.4


class MissingFont(RuntimeError):
    """No colour font is installed."""


def find_font() -> Path:
    """The colour emoji font: the file that FLOWBRUSH_EMOJI_FONT names, else an installed one. Raises
    MissingFont.
    """
    named = os.environ.get(FONT_VARIABLE)
    if named:
        if Path(named).is_file():
            return Path(named)
        raise MissingFont(
            f"{FONT_VARIABLE} is {named!r}, but there is no such file: expected NotoColorEmoji.ttf"
        )
    for candidate in FONT_PATHS:
        if Path(candidate).is_file():
            return Path(candidate)
    raise MissingFont(
        "the toy world needs a colour emoji font and none was found; install one (Debian: "
        f"apt-get install fonts-noto-color-emoji) or name its file in {FONT_VARIABLE}, and try again"
    )


def _cut_out(glyph: str, font: ImageFont.FreeTypeFont) -> Image.Image | None:
    canvas = Image.new("RGBA", (160, 160))
    ImageDraw.Draw(canvas).text((12, 12), glyph, font=font, embedded_color=True)
    box = canvas.getbbox()
    if box is None:
        return None
    cut = canvas.crop(box)
    edge = max(cut.size)
    square = Image.new("RGBA", (edge, edge))
    square.paste(cut, ((edge - cut.width) // 2, (edge - cut.height) // 2))
    return square


@functools.cache
def _load(font: Path) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(font), STRIKE)
    except OSError as error:
        text = f"{font} is no colour emoji font ({error}): expected one as NotoColorEmoji.ttf"
        raise MissingFont(text) from error


@functools.cache
def render_sprite(glyph: str, font: Path) -> dict[int, Tensor] | None:
    """Size → premultiplied RGBA [4, size, size] in 0..1, or None where the font file lacks the glyph."""
    square = _cut_out(glyph, _load(font))
    if square is None:
        return None
    levels = {}
    for size in SIZES:
        rgba = np.asarray(square.resize((size, size), Image.Resampling.LANCZOS), np.float32) / 255
        rgba = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1)
        levels[size] = torch.from_numpy(rgba).permute(2, 0, 1).contiguous()
    return levels


class SpriteBook:
    """All sprites of a list of glyphs, made once."""

    def __init__(self, glyphs: dict[str, str]) -> None:
        font = find_font()
        self.levels: dict[str, dict[int, Tensor]] = {}
        for name, glyph in glyphs.items():
            sprite = render_sprite(glyph, font)
            if sprite is not None:
                self.levels[name] = sprite

    @classmethod
    def of(cls, levels: dict[str, dict[int, Tensor]]) -> SpriteBook:
        """A book of sprites that are there already: name → size → premultiplied RGBA [4, size, size]."""
        book = cls({})
        book.levels = levels
        return book

    def draw(
        self, name: str, centre: Tensor, size: Tensor, angle: Tensor, window: int
    ) -> tuple[Tensor, Tensor]:
        """The object in a window around its centre, one picture a frame.

        `centre` [F, 2] in pixels, `size` [F] edge length in pixels, `angle` [F] in radians. Returns
        premultiplied RGBA [F, 4, window, window] and the integer top-left corners [F, 2].
        """
        level = min(SIZES, key=lambda s: abs(math.log(s / float(size.mean()))))
        sprite = self.levels[name][level]
        corner = (centre - window / 2).floor()
        return sample_sprite(sprite, centre - corner, size, angle, window), corner.long()


def sample_sprite(sprite: Tensor, centre: Tensor, size: Tensor, angle: Tensor, window: int) -> Tensor:
    """Rotated and scaled `sprite` [4, s, s] at `centre` [F, 2] of windows: [F, 4, window, window]."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    scale = window / size
    rotation = torch.stack(
        [torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2
    )  # [F, 2, 2], frame → sprite
    linear = rotation * scale[:, None, None]
    offset = -(linear @ ((centre / window * 2 - 1)[..., None]))  # [F, 2, 1]
    theta = torch.cat([linear, offset], -1)
    grid = F.affine_grid(theta, [len(centre), 4, window, window], align_corners=False)
    return F.grid_sample(
        sprite.expand(len(centre), -1, -1, -1), grid, "bilinear", "zeros", align_corners=False
    )
