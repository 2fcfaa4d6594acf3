"""Layer stacks to test with: flat colours, so that every pixel says which layer it is of."""

from __future__ import annotations

import numpy as np
import torch

from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.steps import TrackRows

HEIGHT, WIDTH = 64, 96
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def background(seed: int = 0) -> torch.Tensor:
    """Soft random colours [3, HEIGHT, WIDTH]."""
    noise = torch.rand(1, 3, HEIGHT // 8, WIDTH // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (HEIGHT, WIDTH), mode="bilinear")[0]


def disc(colour: tuple[float, float, float], x: float, y: float, radius: int = 10, **more: object) -> Layer:
    """A round layer at a place in pixels."""
    edge = 2 * radius
    at = torch.arange(edge) + 0.5 - radius
    opacity = ((at[None].square() + at[:, None].square()).sqrt() < radius).float()
    rgba = torch.cat([torch.tensor(colour)[:, None, None] * opacity, opacity[None]])
    return Layer(rgba, "disc", Similarity(x=x, y=y), **more)  # type: ignore[arg-type]


def stack(*layers: Layer) -> LayerStack:
    picture = background()
    return LayerStack(picture, torch.ones_like(picture[:1]), layers)


def rows(*tracks: tuple[int, tuple[float, float], tuple[float, float]], frames: int = 4) -> TrackRows:
    """Tracks (hand, from, to) in pixels that go evenly."""
    share = np.linspace(0, 1, 1 + frames)[:, None]
    xy = [np.array(a) + share * (np.array(b) - np.array(a)) for _, a, b in tracks]
    hands = np.array([hand for hand, _, _ in tracks], np.int64)
    shape = (len(tracks), 1 + frames, 2)
    return TrackRows(hands, np.array(xy).reshape(shape), np.ones(shape[:2], bool))


def middle(frame: torch.Tensor, colour: tuple[float, float, float]) -> tuple[float, float]:
    """The middle of what has a colour in a picture [3, H, W], in pixels."""
    away = (frame - torch.tensor(colour)[:, None, None]).abs().sum(0)
    y, x = (away < 0.2).nonzero(as_tuple=True)
    return float(x.float().mean()) + 0.5, float(y.float().mean()) + 0.5
