"""A codec that encodes one of its own pictures again, for students whose past begins with a latent frame of one
picture (Krea Realtime).

Inside a stream a latent frame stands for four pictures and means something only after the one before it. What
stands first must stand for one picture. So the oldest picture of the past that is kept is encoded as the first
one of a stream, and belongs to what the codec carries from chunk to chunk.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from flowbrush.models.codecs.base import FRAMES, EncodingCodec, State


class AnchoredCodec(nn.Module):
    """`codec`, each of whose states begins with the anchor: the latent frame [C, h, w] of the oldest picture
    of the latest `frames` latent frames.
    """

    def __init__(self, codec: EncodingCodec, frames: int) -> None:
        super().__init__()
        self.codec = codec
        self.pictures = 1 + FRAMES * (
            frames - 1
        )  # a first latent frame stands for one picture, others for four

    @torch.inference_mode()
    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `flowbrush.models.codecs.base.Codec`."""
        frames, after = self.codec.stream(latents, [state[1:] for state in states])
        anchors = self.codec.encode_still(frames[:, :, -self.pictures])
        return frames, [(anchor.clone(), *state) for anchor, state in zip(anchors, after, strict=True)]

    def encode(self, frames: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """See `flowbrush.models.codecs.base.EncodingCodec`."""
        return self.codec.encode(frames, states)

    def encode_still(self, pictures: Tensor) -> Tensor:
        """See `flowbrush.models.codecs.base.EncodingCodec`."""
        return self.codec.encode_still(pictures)
