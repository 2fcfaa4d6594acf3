"""Photos in the world: pictures as backgrounds, and soft bodies cut out of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.training.world.sprites import SIZES

Rng = np.random.Generator
LARGEST = 720  # pixels of a picture's shorter side that are kept: a frame shows no more
SHAPE_WAVES = 5  # how wiggly the rim of a random shape is
CUT = (0.28, 0.7)  # of a photo's shorter side: how large a piece is cut out


@dataclass
class Photos:
    """`pictures`, each [3, H, W] uint8, and `cut_outs`, each [4, H, W] uint8 with its own opacity (not premultiplied)."""

    pictures: list[Tensor]
    cut_outs: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pictures = [_shrunk(picture, LARGEST) for picture in self.pictures]
        self.cut_outs = [_shrunk(cut_out, LARGEST // 2) for cut_out in self.cut_outs]

    def background(self, rng: Rng, width: int, height: int, margin: tuple[int, int]) -> np.ndarray:
        """A picture, or a part of it, that fills a frame of width x height; beyond, for `margin` pixels on each side, it is
        mirrored. [height + 2 margin, width + 2 margin, 3] uint8.
        """
        picture = self.pictures[int(rng.integers(len(self.pictures)))]
        full = min(picture.shape[2] / width, picture.shape[1] / height)
        scale = max(min(1.0, full), full * rng.uniform(0.45, 1.0))
        wide, tall = round(width * scale), round(height * scale)
        x = int(rng.integers(max(1, picture.shape[2] - wide + 1)))
        y = int(rng.integers(max(1, picture.shape[1] - tall + 1)))
        part = picture[None, :, y : y + tall, x : x + wide].float()
        part = F.interpolate(part, (height, width), mode="bilinear", align_corners=False, antialias=True)[0]
        part = part.flip(-1) if rng.random() < 0.5 else part
        shown = part.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        return np.pad(shown, ((margin[1],) * 2, (margin[0],) * 2, (0, 0)), "symmetric")

    def sprite(self, rng: Rng) -> dict[int, Tensor]:
        """Something cut out, as the sprites of things are kept: size → premultiplied RGBA [4, size, size] in 0..1."""
        if self.cut_outs and rng.random() < 0.5:
            cut = self.cut_outs[int(rng.integers(len(self.cut_outs)))].float() / 255
            cut = torch.cat([cut[:3] * cut[3:], cut[3:]])
            edge = max(cut.shape[1:])
            left, top = (edge - cut.shape[2]) // 2, (edge - cut.shape[1]) // 2
            cut = F.pad(cut, (left, edge - cut.shape[2] - left, top, edge - cut.shape[1] - top))
        else:
            cut = self._piece(rng)
        cut = cut.flip(-1) if rng.random() < 0.5 else cut
        return {
            size: F.interpolate(
                cut[None], (size, size), mode="bilinear", align_corners=False, antialias=True
            )[0]
            for size in SIZES
        }

    def _piece(self, rng: Rng) -> Tensor:
        """A piece of a photo with a smooth random rim: premultiplied RGBA [4, edge, edge]."""
        picture = self.pictures[int(rng.integers(len(self.pictures)))]
        edge = max(16, int(min(picture.shape[1:]) * rng.uniform(*CUT)))
        x, y = int(rng.integers(picture.shape[2] - edge + 1)), int(rng.integers(picture.shape[1] - edge + 1))
        part = picture[:, y : y + edge, x : x + edge].float() / 255
        opacity = torch.from_numpy(smooth_shape(rng, edge)).float()[None]
        return torch.cat([part * opacity, opacity])


def _shrunk(picture: Tensor, shorter: int) -> Tensor:
    """A picture [C, H, W] uint8 whose shorter side has at most that many pixels."""
    scale = shorter / min(picture.shape[1:])
    if scale >= 1:
        return picture
    size = [round(edge * scale) for edge in picture.shape[1:]]
    small = F.interpolate(picture[None].float(), size, mode="bilinear", align_corners=False, antialias=True)
    return small[0].round().clamp(0, 255).to(torch.uint8)


def smooth_shape(rng: Rng, edge: int) -> np.ndarray:
    """The opacity [edge, edge] of a random blob that fills its square: round, long or lobed."""
    y, x = np.mgrid[0:edge, 0:edge] * (2 / edge) - 1 + 1 / edge
    stretch = rng.uniform(0.55, 1.0, 2)
    stretch /= stretch.max()
    angle = np.arctan2(y / stretch[1], x / stretch[0])
    rim = sum(
        rng.normal(0, 0.14) / k**0.7 * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
        for k in range(1, SHAPE_WAVES + 1)
    )
    rim = 1 + np.asarray(rim)
    radius = np.hypot(x / stretch[0], y / stretch[1])
    inside = (0.94 * rim / rim.max() - radius) * edge / 2  # about pixels from the rim
    made: np.ndarray = np.clip(inside / 1.5 + 0.5, 0, 1)
    return made
