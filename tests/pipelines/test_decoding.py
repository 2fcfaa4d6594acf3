"""Latents become pixels: rounded, within their range, in the order in which they are sent."""

from __future__ import annotations

import torch
from torch import Tensor

from pipelines.beside import Beside
from pipelines.decoding import decode


class Passing:
    """A codec that hands its latents on as frames."""

    def stream(self, latents: Tensor, states: list) -> tuple[Tensor, list]:
        return latents, [(row[:, -1],) for row in latents]


def test_frames_are_rounded_kept_in_range_and_channels_last() -> None:
    latents = torch.tensor([-3.0, -1.0, 0.0, 1.0, 2.0]).view(1, 1, 5, 1, 1).expand(2, 3, 5, 4, 6)
    pixels, after, (began, ended) = decode(Passing(), Beside(torch.device("cpu")), latents, [(), ()])
    assert pixels.shape == (2, 5, 4, 6, 3) and pixels.dtype == torch.uint8 and pixels.is_contiguous()
    assert pixels[0, :, 0, 0, 0].tolist() == [0, 0, 128, 255, 255]
    assert len(after) == 2 and torch.equal(after[0][0], latents[0, :, -1])
    assert ended >= began
