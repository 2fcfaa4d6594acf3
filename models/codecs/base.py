"""What every codec offers the pipeline: a decoder that carries its own state from chunk to chunk, one state a
stream. A codec of Wan latents also has the encoder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

State = tuple[Tensor, ...]  # of one stream; empty before its first chunk
FRAMES = 4  # of one latent frame


class Codec(Protocol):
    """Decodes latents as a student makes them, a chunk at a time; decoding at once gives the same frames."""

    def stream(self, latents: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """Latents [B, C, T, h, w] and one state a row → frames [B, 3, 4 T, H, W] in -1..1 and the states
        after them.

        The first latent frame of a Wan stream stands for one frame, not for four. It is shown four times, so
        that every chunk has equally many frames.
        """
        ...


class EncodingCodec(Codec, Protocol):
    """Also encodes pictures, a chunk at a time; encoding at once gives the same latents."""

    def encode(self, frames: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """Frames [B, 3, 4 T, H, W] in -1..1 and one state a row → normalised latents [B, C, T, h, w], as the
        student knows them, and the states after them.

        The first four frames of a stream are one latent frame that stands for the last of them, as decoding
        shows it.
        """
        ...

    def encode_still(self, pictures: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] in -1..1 → the latent frames [B, C, h, w] of streams that begin with them."""
        ...


def hold_first(frames: Tensor, states: Sequence[State], position: int) -> Tensor:
    """`frames` [B, 3, F, H, W] with the first four frames of a stream's first chunk replaced by frame
    `position`.
    """
    for row, state in enumerate(states):
        if not state:  # row by row: a list of rows would be copied to the device, and waited for
            frames[row, :, :FRAMES] = frames[row, :, position : position + 1].clone()
    return frames


def alike(states: Sequence[State]) -> list[list[int]]:
    """Rows whose states have equal shapes, and can be worked on together."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for row, state in enumerate(states):
        groups[tuple(slot.shape for slot in state)].append(row)
    return list(groups.values())
