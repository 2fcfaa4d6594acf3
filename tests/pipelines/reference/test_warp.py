"""The one warp: backward flows of the latent grid, in pixels."""

from __future__ import annotations

import torch
from stacks import HEIGHT, WIDTH, background

from flowbrush.pipelines.reference.warp import over, warp


def flow(dx: float, dy: float) -> torch.Tensor:
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, HEIGHT // 8, WIDTH // 8)


def test_no_flow_changes_nothing() -> None:
    image = background()[None]
    assert torch.allclose(warp(image, flow(0, 0)), image, atol=1e-5)


def test_a_pixel_shows_what_is_at_its_flow() -> None:
    image = background()[None]
    moved = warp(image, flow(5, -3))
    assert torch.allclose(moved[..., 3:, :-5], image[..., :-3, 5:], atol=1e-4)
    assert not moved[..., :2, :].any() and not moved[..., -4:].any(), "outside are zeros"
    rim = warp(image, flow(5, 0), "border")
    assert torch.allclose(rim[..., -5:], image[..., -1:].expand_as(rim[..., -5:]), atol=1e-4)


def test_premultiplied_layers_cover_by_their_opacity() -> None:
    things, ground = torch.zeros(1, 4, 8, 8), torch.full((1, 3, 8, 8), 0.8)
    things[:, 0], things[:, 3] = 0.5, 0.5  # half opaque red
    assert torch.allclose(over(things, ground)[0, :, 0, 0], torch.tensor([0.9, 0.4, 0.4]))
