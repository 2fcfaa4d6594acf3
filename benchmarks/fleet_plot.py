"""A picture of a simulated fleet over time: slots, streams, and people who wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE = (1600, 800)
LEFT, TOP, RIGHT, BOTTOM = 110, 70, 30, 80
INK, GRID, PAPER = "#222222", "#dddddd", "#ffffff"
CURVES = (("slots", "#9a9a9a", 3), ("streams", "#1f6fd0", 1), ("waiting", "#d0451f", 2))
"""Name, colour, and column of a sample."""

HOURS, ROWS = 12, 5


def draw(samples: Sequence[tuple[float, int, int, int]], path: Path) -> None:
    """Writes a PNG of samples (seconds, streams, waiting, slots). Raises ValueError for fewer than two."""
    if len(samples) < 2:
        raise ValueError(f"{len(samples)} samples: a curve needs two at least")
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    end = samples[-1][0]
    top = max(1, *(max(sample[1:]) for sample in samples))

    def at(seconds: float, number: float) -> tuple[float, float]:
        width, height = SIZE[0] - LEFT - RIGHT, SIZE[1] - TOP - BOTTOM
        return LEFT + width * seconds / end, SIZE[1] - BOTTOM - height * number / top

    for row in range(ROWS + 1):
        number = top * row / ROWS
        pen.line([at(0, number), at(end, number)], GRID)
        pen.text((LEFT - 12, at(0, number)[1]), f"{number:.0f}", INK, font, anchor="rm")
    for column in range(HOURS + 1):
        seconds = end * column / HOURS
        pen.text(
            (at(seconds, 0)[0], SIZE[1] - BOTTOM + 12),
            f"{round(seconds / 3600, 1):g} h",
            INK,
            font,
            anchor="mt",
        )
    for place, (name, colour, column) in enumerate(CURVES):
        pen.line([at(sample[0], sample[column]) for sample in samples], colour, 3, joint="curve")
        pen.text((LEFT + 220 * place, 24), name, colour, font, anchor="lt")
    image.save(path, "PNG")
