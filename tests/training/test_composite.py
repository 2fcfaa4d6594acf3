"""A clip's things and its ground as one picture, each through its own backward flow, in pixels."""

from __future__ import annotations

import pytest
import torch

from flowbrush.training.composite import composite_frames

HEIGHT, WIDTH = 64, 96


def flow(dx: float, dy: float) -> torch.Tensor:
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, HEIGHT // 8, WIDTH // 8)


def ground() -> torch.Tensor:
    noise = torch.rand(1, 3, HEIGHT // 8, WIDTH // 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(noise, (HEIGHT, WIDTH), mode="bilinear")


@pytest.mark.parametrize(("dx", "dy"), [(8, 0), (-30, 0), (0, 24), (-40, -20)])
def test_things_and_ground_go_their_own_ways(dx: int, dy: int) -> None:
    things, below = torch.zeros(1, 4, HEIGHT, WIDTH), ground()
    things[:, :, 24:34, 42:52] = 1
    frame = composite_frames(things, below, flow(-dx, -dy), flow(4, 0))
    inside = frame[..., 25 + dy : 33 + dy, 43 + dx : 51 + dx]
    assert torch.allclose(inside, torch.ones_like(inside), atol=1e-4)
    frame[..., 23 + dy : 35 + dy, 41 + dx : 53 + dx] = 0
    assert not (frame == 1).any(), "and nowhere else"
    assert torch.allclose(frame[..., 60:, :-4], below[..., 60:, 4:], atol=1e-4)


def test_without_things_only_the_ground_is_there() -> None:
    below = ground()
    frame = composite_frames(torch.zeros(1, 4, HEIGHT, WIDTH), below, flow(0, 0), flow(0, 0))
    assert torch.allclose(frame, below, atol=1e-5)
