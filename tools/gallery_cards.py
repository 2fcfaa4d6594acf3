"""Makes the small pictures on the gallery's cards from its photos: `python tools/gallery_cards.py`."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

GALLERY = Path(__file__).parents[1] / "web" / "gallery"
WIDTH, QUALITY = 320, 50
"""A card is at most 185 pixels wide on a phone: sharp enough there, and a photo's fifth in bytes."""


def main() -> None:
    """Runs the command."""
    for each in json.loads((GALLERY / "credits.json").read_text()):
        with Image.open(GALLERY / each["file"]) as photo:
            size = WIDTH, round(photo.height * WIDTH / photo.width)
            small = photo.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.save(GALLERY / each["small"], quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
