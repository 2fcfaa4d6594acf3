"""What every codec offers the pipeline: a decoder that carries its own state from chunk to chunk, one state a
stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

State = tuple[Tensor, ...]  # of one stream; empty before its first chunk


class Codec(Protocol):
    """Decodes latents as a student makes them, a chunk at a time; decoding at once gives the same frames."""

    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """Latents [B, C, T, h, w] and one state a row → frames [B, 3, 4 T, H, W] in -1..1 and the states
        after them.

        The first latent frame of a Wan stream stands for one frame, not for four. It is shown four times, so
        that every chunk has equally many frames.
        """
        ...


def hold_first(frames: Tensor, states: Sequence[State], position: int) -> Tensor:
    """`frames` [B, 3, F, H, W] with the first four frames of a stream's first chunk replaced by frame
    `position`.
    """
    fresh = [row for row, state in enumerate(states) if not state]
    if fresh:
        frames[fresh, :, :4] = frames[fresh, :, position : position + 1]
    return frames
