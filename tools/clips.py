"""Makes the clips of docs/clips, as anyone sees them who types these prompts: `python tools/clips.py [--out FOLDER]`.

Each is six seconds of a stream that nobody touches, every second frame, as an animated WebP; and a sheet of all of them. One more
is a photo of the gallery that nobody touches, and what is said under it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from flowbrush.controls import Prompt, PromptSet  # noqa: E402
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
PHOTO = "photo-panda.webp"
SAID = {
    1.0: "it jumps",
    4.0: "make it smaller",
    6.0: "it walks to the left",
    9.0: "make it night",
    11.5: "make it day",
}
"""What is said under the photo, and after how many seconds."""
SECONDS, EVERY, QUALITY = 6, 2, 62
LONGER = 14  # seconds of what is said under a photo
BAR, LETTERS = 26, 15  # pixels: the height of the strip with the words, and theirs
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


def words_under_a_photo(generator: Generator) -> list[Image.Image]:
    """A photo that is told one thing after another, with what it was told last under it."""
    card = generator.card
    with Image.open(ROOT / "web" / "gallery" / PHOTO) as photo:
        pixels = np.array(photo.convert("RGB"))
    state = generator.start(StreamSettings(card.name, (), card.width, card.height, card.fps, 1, image=pixels))
    font = ImageFont.load_default(LETTERS)
    shown, words, said = list[Image.Image](), "", dict(SAID)
    for chunk in range(int(LONGER * card.fps) // card.chunk_frames):
        due = [second for second in said if second <= chunk * card.chunk_frames / card.fps]
        words = said.pop(due[0]) if due else words
        controls = (PromptSet(prompts=(Prompt(text=words),)),) if due else ()
        for frame in generator.step([state], [controls])[0].frames:
            card_of = Image.new("RGB", (frame.shape[1], frame.shape[0] + BAR), "#14181d")
            card_of.paste(Image.fromarray(frame))
            ImageDraw.Draw(card_of).text((8, frame.shape[0] + 4), words, "#e8eef5", font)
            shown.append(card_of)
    generator.release(state)
    return shown


def save(shown: list[Image.Image], path: Path, fps: float) -> None:
    """Every second picture as an animated WebP."""
    first, *more = shown[::EVERY]
    duration = round(1000 * EVERY / fps)
    first.save(path, save_all=True, append_images=more, duration=duration, loop=0, quality=QUALITY, method=6)


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
        save([Image.fromarray(frame) for frame in frames], out / f"{name}.webp", generator.card.fps)
        rows.append(
            np.concatenate([frames[i] for i in np.linspace(0, len(frames) - 1, SHOWN).astype(int)], 1)
        )
        print(f"{name}.webp: {prompt}", flush=True)
    save(words_under_a_photo(generator), out / "words.webp", generator.card.fps)
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS).save(
        out / "sheet.webp", quality=80
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
