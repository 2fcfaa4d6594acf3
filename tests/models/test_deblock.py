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
