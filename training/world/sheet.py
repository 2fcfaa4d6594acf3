"""Clips of the living world to look at.

`python -m flowbrush.training.world.sheet OUT` writes OUT.png, a row a clip, and OUT.webp.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from flowbrush.training.world.living import LivingClip, LivingWorld

LABEL = 14  # pixels above a row
FPS = 16


def contact_sheet(clips: list[LivingClip], every: int) -> Image.Image:
    """A row a clip: its caption, and each `every`th of its frames."""
    rows = [clip.frames[::every].permute(0, 2, 3, 1).numpy() for clip in clips]
    count, height, width = rows[0].shape[:3]
    sheet = Image.new("RGB", (count * width, len(rows) * (height + LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (clip, frames) in enumerate(zip(clips, rows, strict=True)):
        top = row * (height + LABEL)
        draw.text((3, top + 1), clip.caption, fill="black")
        for column, frame in enumerate(frames):
            sheet.paste(Image.fromarray(frame), (column * width, top + LABEL))
    return sheet


def save_moving(clips: list[LivingClip], columns: int, path: Path) -> None:
    """All clips side by side as an animated WebP."""
    height, width = clips[0].frames.shape[2:]
    lines = -(-len(clips) // columns)
    pictures = []
    for f in range(len(clips[0].frames)):
        wall = np.zeros((lines * height, columns * width, 3), np.uint8)
        for k, clip in enumerate(clips):
            y, x = k // columns * height, k % columns * width
            wall[y : y + height, x : x + width] = clip.frames[f].permute(1, 2, 0).numpy()
        pictures.append(Image.fromarray(wall))
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=1000 // FPS, loop=0, quality=80
    )


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="path without an ending")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=24, help="of each clip, a multiple of 4")
    parser.add_argument("--every", type=int, default=3, help="the sheet shows each EVERYth frame")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 192), metavar=("WIDTH", "HEIGHT"))
    given = parser.parse_args(arguments)
    world = LivingWorld(*given.size)
    clips = [world.make(np.random.default_rng([given.seed, k]), given.frames) for k in range(given.clips)]
    contact_sheet(clips, given.every).save(given.out.with_suffix(".png"))
    save_moving(clips, 2, given.out.with_suffix(".webp"))


if __name__ == "__main__":
    main(sys.argv[1:])
