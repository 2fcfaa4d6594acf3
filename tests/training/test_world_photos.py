"""Photos in the world: they fill the frame, and what is cut out of them has an exact opacity."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_training import need_font

from flowbrush.training.world.living import LivingWorld
from flowbrush.training.world.photos import Photos, smooth_shape
from flowbrush.training.world.sprites import SIZES

need_font()


def picture(width: int, height: int) -> torch.Tensor:
    return torch.randint(
        0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def test_any_photo_fills_any_frame() -> None:
    for shape in ((400, 300), (90, 260), (320, 192)):
        photos = Photos([picture(*shape)])
        for width, height in ((320, 192), (192, 320)):
            made = photos.background(np.random.default_rng(0), width, height, (16, 8))
            assert made.shape == (height + 16, width + 32, 3) and made.dtype == np.uint8
            assert made.std() > 1


def test_pieces_are_premultiplied_and_smooth() -> None:
    cut_out = torch.cat([picture(40, 60), torch.full((1, 60, 40), 255, dtype=torch.uint8)])
    photos = Photos([picture(200, 150)], [cut_out])
    for seed in range(6):
        for size, sprite in photos.sprite(np.random.default_rng(seed)).items():
            assert size in SIZES and sprite.shape == (4, size, size)
            assert (sprite[:3] <= sprite[3:] + 1e-4).all()
            assert 0.15 < float(sprite[3].mean()) < 0.95
    shape = smooth_shape(np.random.default_rng(1), 64)
    assert 0 < shape.min() + 1 and shape.max() == 1 and shape[0].max() < 0.6, "it ends within its square"


@pytest.mark.parametrize(("width", "height"), [(320, 192), (192, 320)])
def test_clips_of_photos_move_softly(width: int, height: int) -> None:
    world = LivingWorld(width, height, photos=Photos([picture(300, 300)]), photo_share=1.0)
    for seed in range(3):
        clip = world.make(np.random.default_rng(seed), 8)
        assert clip.scene == "photo" and {thing.kind for thing in clip.things} == {"cut-out"}
        assert 1 < float(clip.thing_flow.norm(dim=1).max()) < 44
        assert clip.ground_flow.abs().max() < 2.5
        assert clip.caption == "" or "snow" in clip.caption or "rain" in clip.caption
