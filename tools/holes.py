"""Makes docs/figures/holes.webp, photos of the gallery with and without what their cards name: `python tools/holes.py`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from flowbrush.models.cards.registry import card  # noqa: E402
from flowbrush.models.device import choose  # noqa: E402
from flowbrush.models.loading.load import load_model  # noqa: E402
from flowbrush.pipelines.media.image import fit_image  # noqa: E402
from flowbrush.pipelines.reference.acquire import Acquirer, Touch  # noqa: E402
from flowbrush.pipelines.reference.layers import LayerStack  # noqa: E402

GALLERY = ROOT / "web" / "gallery"
MODEL = "pocket"
COLUMNS, CELL, GAP, QUALITY = 2, (320, 200), 8, 80


def emptied(acquirer: Acquirer, photo: Image.Image, subject: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """A photo as a stream has it, and its ground where the hand has taken what is at `subject` (shares of its sides): both
    [3, H, W] in 0..1.
    """
    shape = math.log(photo.width / photo.height)
    width, height = min(card(MODEL).sizes, key=lambda size: abs(math.log(size[0] / size[1]) - shape))
    picture = fit_image(np.array(photo), width, height)[0] / 2 + 0.5
    stack = LayerStack(picture, torch.ones(1, height, width))
    taken = acquirer.take(stack, 1, Touch((subject[0] * width, subject[1] * height)))
    while taken.hole is not None:
        taken = acquirer.fill_on(taken)
    return picture, taken.background


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "holes.webp")
    out = parser.parse_args().out
    model = load_model(card(MODEL), choose("cpu", "fp32"))
    acquirer = Acquirer(model.segmenter, model.inpainter)  # type: ignore[union-attr]
    photos = json.loads((GALLERY / "credits.json").read_text())
    across, down = CELL
    lines = -(-len(photos) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (2 * across + GAP), lines * (down + GAP)), "white")
    for index, each in enumerate(photos):
        pair = emptied(acquirer, Image.open(GALLERY / each["file"]).convert("RGB"), tuple(each["subject"]))
        for side, picture in enumerate(pair):
            pixels = picture.clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy()
            image = Image.fromarray(pixels)
            image.thumbnail(CELL)
            left = index % COLUMNS * (2 * across + GAP) + side * across
            sheet.paste(image, (left, index // COLUMNS * (down + GAP)))
    sheet.save(out, quality=QUALITY)


if __name__ == "__main__":
    main()
