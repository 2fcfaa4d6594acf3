"""Keyframes: a word gives a sprite, a scene gives a background (pocket).

Every thing has a learned map of codes, which one convolutional decoder turns into colours and opacity. Scenes are a book of a few
pictures each: codes of blocks, more of them where there is detail. Nothing is combined here: where things stand is the layout's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.blocks import BlockBook, CodeDecoder
from flowbrush.models.cards.spec import KeyframesSpec
from flowbrush.models.loading.checkpoint import BadWeights

FACTS = 7  # horizon, ground, rows of water, and x, y, radius of a sun, of which 1 to 3 are used; not-a-number where there is none


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
    """Where what is in a scene, in parts of the frame's height, y down: feet stand at `level` or further down, `water` are the rows
    of a sea. Values may lie outside 0..1: beyond the frame.
    """

    level: float
    water: tuple[float, float] | None = None


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
        grids = [
            tuple(side // spec.scene_stride for side in reversed(self.canvas(size))) for size in spec.sizes
        ]
        self.scene = BlockBook(
            len(catalogue.scenes) * spec.variants,
            [(rows, columns) for rows, columns in grids],
            spec.scene_stride,
            spec.scene_plain,
            spec.scene_fine,
            spec.scene_details,
        )
        self.register_buffer("facts", torch.full((len(catalogue.scenes), spec.variants, FACTS), math.nan))

    def canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height of a background for frames of `size`, with its margins."""
        return size[0] + 2 * self.spec.margin[0], size[1] + 2 * self.spec.margin[1]

    def things(self, which: Tensor) -> Tensor:
        """Sprites [n, 4, edge, edge] of the things number `which` [n], as the decoder makes them: for training."""
        made: Tensor = self.thing(self.thing_codes[which])
        return made

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
        picture = self.scene(nearest, number).float().clamp(0, 1)[None]
        width, height = self.canvas(size)
        if picture.shape[2:] != (height, width):
            picture = F.interpolate(picture, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
        picture = picture[0].flip(-1) if mirrored else picture[0]
        return Backdrop(picture, spec.margin, self.ground(label, seed, size))

    def ground(self, label: str, seed: int, size: tuple[int, int]) -> Ground:
        """Where what is in the `backdrop` of the same arguments, without drawing it."""
        height, high, margin = size[1], self.canvas(size)[1], self.spec.margin[1]
        rows = self.facts[self.catalogue.scenes.index(label), seed % self.spec.variants, 1:4].tolist()
        level, top, bottom = ((row * high - margin) / height for row in rows)
        return Ground(level, None if math.isnan(top) else (top, bottom))
