"""Rims of blocks go, what is strong stays."""

from __future__ import annotations

import torch

from flowbrush.models.codecs.deblock import deblocked


def test_faint_blocks_go_over_into_each_other() -> None:
    torch.manual_seed(0)
    blocks = torch.randn(2, 3, 4, 6).mul(0.01).repeat_interleave(8, 2).repeat_interleave(8, 3)
    shown = deblocked(blocks, 8)
    step = blocks.diff(dim=3).abs().amax()
    assert shown.diff(dim=3).abs().amax() < step / 6, "eight pixels take what one took"
    assert torch.allclose(shown.mean(), blocks.mean(), atol=2e-3)


def test_what_is_strong_is_shown_as_it_is() -> None:
    drop = torch.zeros(1, 3, 40, 40)
    drop[:, :, 18:21, 15:18] = 0.2  # over the rim of a block; a drop of rain is as strong
    assert torch.allclose(deblocked(drop, 8)[..., 16:24, 8:24], drop[..., 16:24, 8:24], atol=1e-6)
    assert deblocked(drop * 0.25, 8).amax() < 0.015, "and what is faint is spread"
    between = deblocked(drop * 0.45, 8)[..., 18:21, 16:18].mean() / (0.2 * 0.45)
    assert 0.35 < float(between) < 0.55, "there is no step from one to the other, which would flicker"


def patched(step: float) -> torch.Tensor:
    """Strong detail in each block, and a slope over all; every other block lies higher by a `step`."""
    bump = (torch.arange(8).add(0.5).mul(torch.pi / 8).sin() ** 4).mul(0.3)
    slope = torch.linspace(-0.1, 0.1, 48)[None].expand(32, -1)
    high = (torch.arange(48) // 8 % 2)[None] + (torch.arange(32) // 8 % 2)[:, None]
    return (slope + bump.repeat(6) + step * (high % 2)).expand(1, 3, -1, -1).clone()


def test_a_step_between_strong_blocks_is_spread_over_both() -> None:
    """In a shadow it would be a mosaic."""
    shown = deblocked(patched(0.08), 8)
    assert shown[:, :, 7:24].diff(dim=2)[:, :, ::8].abs().amax() < 0.01
    assert shown[..., 7:40].diff(dim=3)[..., ::8].abs().amax() < 0.04


def test_a_larger_step_is_the_rim_of_something() -> None:
    edge = patched(0)
    edge[..., 24:] += 0.4
    shown = deblocked(edge, 8)
    assert (shown[..., 24] - shown[..., 23]).amin() > 0.25


def test_a_slope_that_goes_on_stays() -> None:
    inside = (..., slice(8, 24), slice(8, 40))
    assert torch.allclose(deblocked(patched(0), 8)[inside], patched(0)[inside], atol=0.01)
