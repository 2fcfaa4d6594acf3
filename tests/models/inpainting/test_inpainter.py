"""What is behind a thing: filled from the rim, however little is known, and joined to the picture without an edge."""

from __future__ import annotations

import torch
from torch import Tensor

from flowbrush.models.cards.spec import InpainterSpec
from flowbrush.models.inpainting.inpainter import Inpainter, diffuse_fill


def test_one_known_pixel_is_enough_to_fill_from() -> None:
    picture, hole = torch.zeros(1, 3, 192, 320), torch.ones(1, 1, 192, 320)
    picture[..., 70, 200], hole[..., 70, 200] = 0.8, 0
    assert float((diffuse_fill(picture, hole) - 0.8).abs().max()) < 1e-4


def test_nothing_known_is_filled_with_grey() -> None:
    nothing = torch.zeros(1, 3, 32, 48)
    assert torch.equal(diffuse_fill(nothing, torch.ones(1, 1, 32, 48)), nothing)


def changed(hole: Tensor) -> Tensor:
    """How much a network that makes everything lighter changes each pixel [H, W] of a grey picture."""
    inpainter = Inpainter(InpainterSpec(widths=(8, 16)))
    with torch.no_grad():
        inpainter.net.out.bias.fill_(0.5)  # type: ignore[union-attr]
        return inpainter(torch.zeros(1, 3, *hole.shape), hole[None, None])[0, 0]


def test_a_hole_passes_into_the_picture_and_the_picture_is_kept() -> None:
    hole = torch.zeros(64, 96)
    hole[20:40, 30:60] = 1
    made = changed(hole)[30]
    assert torch.allclose(made[30:60], torch.tensor(0.5))
    assert 0.05 < float(made[29]) < 0.4 and 0.05 < float(made[60]) < 0.4  # or its edge is seen
    assert not made[:28].any() and not made[62:].any()  # what was there is the picture's own
