"""What pictures are composed of: photos, some with the outline of their subject, painted scenes, and things with their opacity."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from flowbrush.training.furniture.pool import FOLDER
from flowbrush.training.world import lexicon
from flowbrush.training.world.scenes import paint_scene
from flowbrush.training.world.sprites import SpriteBook

PHOTO_EDGE, THING_EDGE = 512, 192  # pixels: what a photo and a thing are kept at, stretched to squares
PAINTED = 32  # scenes
PAINTED_SIZE = (480, 320)  # pixels (W, H)
SUBJECTS = Path(__file__).with_name("subjects.json")  # outlines drawn by hand, in thousandths of the picture
SUFFIXES = (".webp", ".jpg", ".png")


@dataclass
class Materials:
    """Pictures as uint8: `photos` [P, 3, E, E] of `aspects` [P] (width : height) with the opacity of their `subjects`
    [P, 1, E, E]; the first `annotated` have one that is known, those after the first `photographic` are painted. `things`
    are cut out (colours not premultiplied): for each kind, each [n, 4, e, e].
    """

    photos: Tensor
    aspects: Tensor
    subjects: Tensor
    annotated: int
    photographic: int
    things: dict[str, Tensor]

    @classmethod
    def load(cls, folder: Path, seed: int = 0) -> Materials:
        """From the photos of a folder and the rendered things in it, scenes painted from `seed`, and the world's glyphs."""
        outlines = json.loads(SUBJECTS.read_text())
        files = sorted(picture_files(folder), key=lambda path: (path.stem not in outlines, path.name))
        photos, aspects, subjects, cuts = [], [], [], []
        for path in files:
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            mask = Image.new("L", picture.size)
            if path.stem in outlines:
                mask = filled(outlines[path.stem], picture.size)
                cuts.append(_cut_out(picture, mask))
            photos.append(_square(picture, PHOTO_EDGE))
            aspects.append(picture.width / picture.height)
            subjects.append(_square(mask, PHOTO_EDGE))
        painted = _painted(seed)
        nothing = torch.zeros(1, PHOTO_EDGE, PHOTO_EDGE, dtype=torch.uint8)
        things = {"cut": cuts, "rendered": _rendered(folder / FOLDER), "glyph": glyphs()}
        return cls(
            torch.stack([*photos, *painted]),
            torch.tensor([*aspects, *[PAINTED_SIZE[0] / PAINTED_SIZE[1]] * len(painted)]),
            torch.stack([*subjects, *[nothing] * len(painted)]),
            len(cuts),
            len(files),
            {kind: torch.stack(some) for kind, some in things.items() if some},
        )


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted."""
    return sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES)


def filled(polygons: list[list[int]], size: tuple[int, int]) -> Image.Image:
    """The opacity of polygons (flat lists x, y in thousandths; inside an odd number of them is in) in a picture of `size`."""
    width, height = size
    inside = np.zeros((height * 2, width * 2), bool)
    for flat in polygons:
        layer = Image.new("1", (width * 2, height * 2))
        points = [(x / 500 * width, y / 500 * height) for x, y in zip(flat[::2], flat[1::2], strict=True)]
        ImageDraw.Draw(layer).polygon(points, fill=1)
        inside ^= np.asarray(layer)
    return Image.fromarray((inside * 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)


def glyphs() -> list[Tensor]:
    """The glyphs of the world's nouns as things: each [4, e, e] uint8."""
    book = SpriteBook({noun.name: noun.glyph for noun in lexicon.CORE + lexicon.EXTRA})
    largest = torch.stack([levels[max(levels)] for levels in book.levels.values()])
    things = F.interpolate(largest, (THING_EDGE, THING_EDGE), mode="bilinear", align_corners=False)
    things[:, :3] /= things[:, 3:].clamp_min(1e-3)
    return list((things.clamp(0, 1) * 255).round().to(torch.uint8))


def _painted(seed: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    names = list(lexicon.SCENES)
    return [
        _square(Image.fromarray(paint_scene(names[index % len(names)], rng, *PAINTED_SIZE)), PHOTO_EDGE)
        for index in range(PAINTED)
    ]


def _rendered(folder: Path) -> list[Tensor]:
    things = []
    for path in picture_files(folder):
        with Image.open(path) as opened:
            picture = opened.convert("RGBA")
        if box := picture.getchannel("A").getbbox():
            things.append(_in_square(picture.crop(box)))
    return things


def _cut_out(picture: Image.Image, mask: Image.Image) -> Tensor:
    """The subject alone, in the middle of a square: [4, e, e] uint8."""
    box = mask.getbbox() or (0, 0, *mask.size)
    part = picture.crop(box).convert("RGBA")
    part.putalpha(mask.crop(box))
    return _in_square(part)


def _in_square(thing: Image.Image) -> Tensor:
    edge = max(thing.size)
    whole = Image.new("RGBA", (edge, edge))
    whole.paste(thing, ((edge - thing.width) // 2, (edge - thing.height) // 2))
    return _square(whole, THING_EDGE)


def _square(picture: Image.Image, edge: int) -> Tensor:
    """Stretched to a square: [C, edge, edge] uint8."""
    how = Image.Resampling.BOX if picture.width > edge else Image.Resampling.BICUBIC
    pixels = np.array(picture.resize((edge, edge), how))
    return torch.from_numpy(pixels.reshape(edge, edge, -1)).permute(2, 0, 1).contiguous()
