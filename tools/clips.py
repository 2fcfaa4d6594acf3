"""Makes the clips of docs/clips, as anyone sees them who types these prompts: `python tools/clips.py [--out FOLDER]`.

Each is six seconds of a stream that nobody touches, every second frame, as an animated WebP; and a sheet of all of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from flowbrush.pipelines.generator import Generator  # noqa: E402
from flowbrush.pipelines.requests import StreamSettings  # noqa: E402

CLIPS = {
    "fish": ("two fish swim to the right under water", 4),
    "dog": ("a dog runs to the left in a meadow", 2),
    "rabbit": ("a rabbit hops to the right in the snow", 5),
    "sailboat": ("a sailboat rocks on the sea", 3),
    "balloon": ("a red balloon floats up over the mountains", 1),
    "ball": ("a soccer ball bounces on the beach", 6),
    "owl": ("an owl and a tree in the forest at night", 7),
    "rocket": ("a rocket flies to the right in space", 8),
}
SECONDS, EVERY, QUALITY = 6, 2, 62
SHOWN = 6  # frames of each clip on the sheet


def frames_of(generator: Generator, prompt: str, seed: int) -> np.ndarray:
    """A stream's first frames [F, H, W, 3] uint8."""
    card = generator.card
    settings = StreamSettings(card.name, ((prompt, 1.0),), card.width, card.height, card.fps, seed)
    state = generator.start(settings)
    chunks = int(SECONDS * card.fps) // card.chunk_frames
    made = [generator.step([state], [()])[0].frames for _ in range(chunks)]
    generator.release(state)
    return np.concatenate(made)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/clips.py", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "clips", help="folder (default docs/clips)"
    )
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    generator = Generator.load("pocket", device="cpu", seats=1)
    rows = []
    for name, (prompt, seed) in CLIPS.items():
        frames = frames_of(generator, prompt, seed)
        shown = [Image.fromarray(frame) for frame in frames[::EVERY]]
        duration = round(1000 * EVERY / generator.card.fps)
        shown[0].save(
            out / f"{name}.webp",
            save_all=True,
            append_images=shown[1:],
            duration=duration,
            loop=0,
            quality=QUALITY,
            method=6,
        )
        rows.append(
            np.concatenate([frames[i] for i in np.linspace(0, len(frames) - 1, SHOWN).astype(int)], 1)
        )
        print(f"{name}.webp: {prompt}", flush=True)
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS).save(
        out / "sheet.webp", quality=80
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
