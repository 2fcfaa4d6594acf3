"""Pictures that judge: photos held out, with the masks of their subjects where there are any, and things pasted on photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from flowbrush.training.photos.packages import STAMPS
from flowbrush.training.photos.pool import FORM, HELD_OUT, STAMP

Size = tuple[int, int]
REFERENCE = "reference"  # folder of masks, NAME.png for held_out/NAME.webp
LANDSCAPES = (
    "explore_monuments",
    "mate-backgrounds",
    "renewable",
    "dam",
)  # grounds: photos in which nothing stands in front
PASTED = (40.0, 200.0)  # pixels: sizes of pasted things
FRINGE = 9  # pixels: edge of the square by which a hole is wider than what was there


class NothingToJudge(RuntimeError):
    """The pool of photos, or a part of it, is not there."""


@dataclass(frozen=True)
class Pasted:
    """A `picture` [3, H, W] in -1..1 with a thing of `opacity` [H, W], and its `ground` [3, H, W]."""

    name: str
    picture: Tensor
    ground: Tensor
    opacity: Tensor


def subjects(folder: Path, sizes: tuple[Size, ...]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Name, picture [3, H, W] in -1..1 and mask [H, W] of each held-out photo that has one, cut to the size that suits it best.
    Raises NothingToJudge.
    """
    masks = sorted((folder / REFERENCE).glob("*.png"))
    if not masks:
        raise NothingToJudge(
            f"no mask in {folder / REFERENCE}: make them with `python -m flowbrush.training.photos.reference {folder}`"
        )
    for path in masks:
        with Image.open(folder / HELD_OUT / f"{path.stem}{FORM}") as opened, Image.open(path) as mask:
            size = nearest_shape(opened.size, sizes)
            picture = tensor(opened.convert("RGB"), size) * 2 - 1
            truth = tensor(mask.convert("L").resize(opened.size), size)[0]
        yield path.stem, picture, truth


def grounds(folder: Path, sizes: tuple[Size, ...]) -> list[Tensor]:
    """Held-out photos in which nothing stands in front, each [3, H, W] in -1..1 at the size that suits it. Raises
    NothingToJudge.
    """
    paths = [
        p for p in sorted((folder / HELD_OUT).glob(f"*{FORM}")) if any(name in p.name for name in LANDSCAPES)
    ]
    if not paths:
        raise NothingToJudge(f"no photo in {folder / HELD_OUT}: run `flowbrush train pool --photos` first")
    out = []
    for path in paths:
        with Image.open(path) as opened:
            out.append(tensor(opened.convert("RGB"), nearest_shape(opened.size, sizes)) * 2 - 1)
    return out


def pasted(folder: Path, sizes: tuple[Size, ...], count: int) -> Iterator[Pasted]:
    """`count` photographic things on held-out photos, the same every time. Raises NothingToJudge."""
    stamps = sorted((folder / STAMP).glob(f"*{FORM}"))
    if not stamps:
        raise NothingToJudge(
            f"no thing in {folder / STAMP}: run `flowbrush train pool --photos` where {STAMPS} can be had"
        )
    behind = grounds(folder, sizes)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(stamps))
    for index in range(count):
        path, ground = stamps[order[index % len(stamps)]], behind[int(rng.integers(len(behind)))]
        with Image.open(path) as opened:
            stamp = _cut(opened.convert("RGBA"))
        height, width = ground.shape[-2:]
        edge = float(np.exp(rng.uniform(*np.log(PASTED))))
        shape = [max(8, round(side * edge / max(stamp.shape[1:]))) for side in stamp.shape[1:]]
        thing = F.interpolate(stamp[None], shape, mode="bilinear", align_corners=False, antialias=True)[0]
        h, w = min(shape[0], height), min(shape[1], width)
        y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
        layer = ground.new_zeros(4, height, width)
        layer[:, y : y + h, x : x + w] = thing[:, :h, :w]
        colour = layer[:3] * 2 - layer[3:]  # premultiplied, to -1..1
        yield Pasted(path.stem, ground * (1 - layer[3:]) + colour, ground, layer[3])


def hole_of(opacity: Tensor) -> Tensor:
    """What is to be filled where a thing of `opacity` [H, W] is taken away: [1, H, W], 0 or 1."""
    return F.max_pool2d((opacity > 0.02).float()[None], FRINGE, 1, FRINGE // 2)


def nearest_shape(size: Size, sizes: tuple[Size, ...]) -> Size:
    """Which of `sizes` (W, H) has the shape most like `size`'s."""
    return min(sizes, key=lambda one: abs(np.log(one[0] / one[1] * size[1] / size[0])))


def tensor(picture: Image.Image, size: Size) -> Tensor:
    """Cut to `size` (W, H): [C, H, W] in 0..1."""
    pixels = np.array(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), np.float32) / 255
    return torch.from_numpy(pixels.reshape(size[1], size[0], -1)).permute(2, 0, 1).contiguous()


def _cut(stamp: Image.Image) -> Tensor:
    """A thing without the nothing around it, premultiplied: [4, h, w] in 0..1."""
    opacity = stamp.getchannel("A").point(lambda value: 255 if value > 5 else 0)
    pixels = torch.from_numpy(np.array(stamp.crop(opacity.getbbox()), np.float32) / 255).permute(2, 0, 1)
    return torch.cat([pixels[:3] * pixels[3:], pixels[3:]])
