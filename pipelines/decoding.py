"""From latents to pixels, beside other work where the device can do two things at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.codecs.base import Codec
from pipelines.beside import Beside, Mark, mark
from pipelines.state import CodecState


@torch.inference_mode()
def decode(
    codec: Codec, beside: Beside, latents: Tensor, before: Sequence[CodecState]
) -> tuple[Tensor, list[CodecState], tuple[Mark, Mark]]:
    """Latents [B, C, T, h, w] and the decoder's states before them → uint8 frames [B, F, H, W, 3], the states after them, and when
    the work begins and ends.
    """
    with beside.work([latents, *(slot for state in before for slot in state)]):
        began = mark(latents.device)
        frames, after = codec.stream(latents, before)  # [B, 3, F, H, W]
        pixels = frames.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        pixels = pixels.permute(0, 2, 3, 4, 1).contiguous()
        return pixels, after, (began, mark(latents.device))
