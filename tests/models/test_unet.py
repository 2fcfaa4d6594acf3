"""The U-shaped network: a picture in, a picture of the same size out."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.unet import UNet


@pytest.mark.parametrize("widths", [(8,), (8, 16), (8, 16, 24)])
def test_the_size_stays(widths: tuple[int, ...]) -> None:
    assert UNet(4, 3, widths)(torch.randn(2, 4, 24, 40)).shape == (2, 3, 24, 40)


def test_a_new_one_passes_on_what_it_sees() -> None:
    """Blocks begin as nothing, so that at first every level adds its own view of the picture."""
    torch.manual_seed(0)
    net, x = UNet(1, 1, (8, 16)), torch.randn(1, 1, 16, 16, requires_grad=True)
    net(x).square().sum().backward()
    assert x.grad is not None and bool((x.grad != 0).all())
    assert all(not value.any() for name, value in net.named_parameters() if "conv2" in name)
