"""Keyframes: a word gives a sprite, a scene gives a background (pocket).

Every thing and every picture of a scene has a learned map of codes; two shared convolutional decoders turn codes into colours. A
linear synthesis of blocks lies beside the convolutions, as in the codec: it gives surfaces, and they give edges. Nothing is
combined here: where things stand is the layout's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.checkpoint import BadWeights, fill, read, save
from models.layers import ResBlock
from models.spec import KeyframesSpec

FACTS = 7  # horizon, ground, rows of water, and x, y, radius of a sun; not-a-number where there is none


@dataclass(frozen=True)
class Catalogue:
    """What there is a picture of: things, what each lives in ("ground", "air", "water", or "afloat" on it), and scenes."""

    things: tuple[str, ...]
    homes: tuple[str, ...]
    scenes: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Catalogue:
        """From JSON. Raises BadWeights."""
        try:
            made = cls(**{name: tuple(values) for name, values in json.loads(text).items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise BadWeights(f"the catalogue of keyframes cannot be read ({error})") from error
        if len(made.things) != len(made.homes):
            raise BadWeights(f"the catalogue has {len(made.things)} things, but {len(made.homes)} homes")
        return made


@dataclass(frozen=True)
class Ground:
    """Where what is in a scene, in parts of the frame's width or height, y down.

    Above `horizon` is sky; feet stand at `level` or further down; `water` are the rows of a sea; `sun` is (x, y, radius in parts
    of the height). Values may lie outside 0..1: beyond the frame.
    """

    horizon: float
    level: float
    water: tuple[float, float] | None = None
    sun: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Backdrop:
    """A background [3, H + 2 my, W + 2 mx] in 0..1 for frames of W x H: `margin` (mx, my) pixels on each side are for a camera."""

    picture: Tensor
    margin: tuple[int, int]
    ground: Ground


class Keyframes(nn.Module):
    """Labels of the catalogue → premultiplied sprites and backgrounds."""

    facts: Tensor

    def __init__(self, spec: KeyframesSpec, catalogue: Catalogue) -> None:
        super().__init__()
        self.spec, self.catalogue = spec, catalogue
        grid = spec.edge // spec.thing_stride
        codes = torch.zeros(len(catalogue.things), spec.thing_channels, grid, grid)
        self.thing_codes = nn.Parameter(codes)
        self.thing = CodeDecoder(spec.thing_channels, 4, spec.thing_stride, spec.thing_widths)
        pictures, channels = len(catalogue.scenes) * spec.variants, spec.scene_channels
        grids = [
            tuple(side // spec.scene_stride for side in reversed(self.canvas(size))) for size in spec.sizes
        ]
        self.scene_codes = nn.ParameterList(torch.zeros(pictures, channels, *grid) for grid in grids)
        self.scene = CodeDecoder(channels, 3, spec.scene_stride, spec.scene_widths)
        self.register_buffer("facts", torch.full((len(catalogue.scenes), spec.variants, FACTS), math.nan))

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of a background for frames of `size`, with its margins."""
        return size[0] + 2 * self.spec.margin[0], size[1] + 2 * self.spec.margin[1]

    def things(self, which: Tensor) -> Tensor:
        """Sprites [n, 4, edge, edge] of the things number `which` [n], as the decoder makes them: for training."""
        return self.thing(self.thing_codes[which])

    def scenes(self, size: int, which: Tensor) -> Tensor:
        """Backgrounds [n, 3, H, W] with margins, number `which` [n] of all variants of all scenes, for `spec.sizes[size]`."""
        return self.scene(self.scene_codes[size][which])

    @torch.inference_mode()
    def sprites(self, labels: Sequence[str]) -> Tensor:
        """Premultiplied RGBA [n, 4, edge, edge] in 0..1, fp32. Raises KeyError for what is not in the catalogue."""
        places = {name: place for place, name in enumerate(self.catalogue.things)}
        which = torch.tensor(
            [places[label] for label in labels], dtype=torch.long, device=self.thing_codes.device
        )
        made = self.things(which).float()
        opacity = made[:, 3:].clamp(0, 1)
        return torch.cat([made[:, :3].clamp_min(0).minimum(opacity), opacity], 1)

    @torch.inference_mode()
    def backdrop(self, label: str, seed: int, size: tuple[int, int]) -> Backdrop:
        """The background of a scene for frames of `size` (W, H); which of its pictures, and whether mirrored, is the seed's choice.

        Sizes that were not learned get that of the most similar shape, scaled. Raises KeyError for what is not in the catalogue.
        """
        spec, scenes = self.spec, self.catalogue.scenes
        if label not in scenes:
            raise KeyError(label)
        variant, mirrored = seed % spec.variants, seed // spec.variants % 2 == 1
        shape = math.log(size[0] / size[1])
        nearest = min(
            range(len(spec.sizes)), key=lambda k: abs(shape - math.log(spec.sizes[k][0] / spec.sizes[k][1]))
        )
        number = scenes.index(label) * spec.variants + variant
        which = torch.tensor([number], device=self.thing_codes.device)
        picture = self.scenes(nearest, which).float().clamp(0, 1)
        width, height = self.canvas(size)
        if picture.shape[2:] != (height, width):
            picture = F.interpolate(picture, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
        picture = picture[0].flip(-1) if mirrored else picture[0]
        return Backdrop(picture, spec.margin, self._ground(scenes.index(label), variant, mirrored, size))

    def _ground(self, scene: int, variant: int, mirrored: bool, size: tuple[int, int]) -> Ground:
        horizon, level, top, bottom, x, y, radius = self.facts[scene, variant].tolist()
        (width, height), (wide, high) = size, self.canvas(size)
        margin_x, margin_y = self.spec.margin

        def row(value: float) -> float:
            return (value * high - margin_y) / height

        x = 1 - x if mirrored else x
        sun = None if math.isnan(x) else ((x * wide - margin_x) / width, row(y), radius * high / height)
        return Ground(row(horizon), row(level), None if math.isnan(top) else (row(top), row(bottom)), sun)


class CodeDecoder(nn.Module):
    """Codes [B, channels, h, w] → pictures [B, outputs, h * stride, w * stride]: a linear synthesis of blocks, and convolutions at
    1/stride, 2/stride, … of the size that add what blocks cannot show.
    """

    basis: Tensor
    mean: Tensor

    def __init__(self, channels: int, outputs: int, stride: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        left = stride >> (len(widths) - 1)  # what the last shuffle makes up for
        if left << (len(widths) - 1) != stride or left < 1:
            raise ValueError(f"stride {stride} does not fit {len(widths)} levels: each one halves it")
        self.register_buffer("basis", torch.zeros(channels, outputs, stride, stride))
        self.register_buffer("mean", torch.full((outputs, stride, stride), 0.5))
        self.enter = nn.Conv2d(channels + 2, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(ResBlock(width, norm=False) for width in widths)
        self.up = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for coarse, fine in pairwise(widths))
        self.out = nn.Conv2d(widths[-1], outputs * left**2, 3, padding=1)
        self.left = left
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, codes: Tensor) -> Tensor:
        stride = self.basis.shape[-1]
        plain = F.conv_transpose2d(codes, self.basis, stride=stride)
        plain = plain + self.mean.repeat(1, *codes.shape[2:])
        x = self.enter(torch.cat([codes, _coordinates(codes)], 1))
        x = self.blocks[0](x)
        for up, block in zip(self.up, self.blocks[1:], strict=True):
            x = block(F.pixel_shuffle(up(F.silu(x)), 2))
        return plain + F.pixel_shuffle(self.out(F.silu(x)), self.left)


def _coordinates(codes: Tensor) -> Tensor:
    """x and y of every cell of [B, C, h, w] in -1..1: [B, 2, h, w]."""
    rows, columns = (
        torch.linspace(-1, 1, side, device=codes.device, dtype=codes.dtype) for side in codes.shape[2:]
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y]).expand(len(codes), -1, -1, -1)


def save_keyframes(path: Path, keyframes: Keyframes, metadata: dict[str, object]) -> None:
    """Writes a weights file of keyframes alone, in their number type."""
    said = {"keyframes": asdict(keyframes.spec), "catalogue": asdict(keyframes.catalogue)}
    save(path, {"keyframes": keyframes}, {**metadata, **said})


def load_keyframes(path: Path, spec: KeyframesSpec) -> Keyframes:
    """What `save_keyframes` wrote, in fp32. Raises BadWeights where the file is missing, broken or of another shape."""
    tensors, metadata = read(path)
    if "catalogue" not in metadata:
        raise BadWeights(f"{path} has no catalogue in its metadata: it has no keyframes")
    keyframes = Keyframes(spec, Catalogue.parse(metadata["catalogue"]))
    fill(keyframes, tensors, "keyframes.", path.name)
    return keyframes.eval().requires_grad_(False)
