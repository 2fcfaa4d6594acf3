"""What a network looks like, as frozen and checked values. No tensors here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MotionSpec:
    """How painted tracks enter the student beside the noisy latent.

    `id_dim` is the size d of the sinusoidal code of a track's random id, `channels` what the track head makes of the
    packed frames (MotionStream §3.1). With `past`, the last frame of the past enters twice, plain and moved along the
    tracks, and the head blends the two.
    """

    id_dim: int = 16
    channels: int = 24
    past: bool = True


@dataclass(frozen=True)
class StudentSpec:
    """Shape of a causal video transformer.

    `patch` is the spatial patch edge in latent cells. `chunk`, `sink` and `window` are the paper's c, s, w: latent frames
    in a chunk, sink chunks and window chunks. `conv_width` > 0 puts a convolutional stem and head at latent resolution
    around the transformer (pocket); 0 is Wan's linear patch embedding and head. `position_grid` (rows, columns of
    tokens) adds a learned absolute position. `prediction` is what the head's output means: Wan's velocity, noise - x0, or x0.
    """

    latent_channels: int
    dim: int
    ffn_dim: int
    heads: int
    layers: int
    text_dim: int
    patch: int = 2
    in_channels: int = 0
    freq_dim: int = 256
    eps: float = 1e-6
    chunk: int = 3
    sink: int = 1
    window: int = 1
    conv_width: int = 0
    conv_blocks: int = 2
    position_grid: tuple[int, int] | None = None
    motion: MotionSpec | None = None
    prediction: str = "velocity"

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        if self.head_dim % 2:
            raise ValueError(f"head size {self.head_dim} must be even for rotary positions")
        if min(self.chunk, self.window, self.layers, self.patch) < 1 or self.sink < 0:
            raise ValueError("chunk, window, layers and patch must be at least 1, sink at least 0")
        if self.prediction not in ("velocity", "x0"):
            raise ValueError(f"prediction {self.prediction!r} is neither 'velocity' nor 'x0'")
        if self.motion and self.motion.past and not self.conv_width:
            raise ValueError("motion.past needs the convolutional head: set conv_width")

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    @property
    def model_channels(self) -> int:
        """Channels of the latent that enters the patch embedding: noisy latent plus whatever else is concatenated."""
        return self.in_channels or self.latent_channels


@dataclass(frozen=True)
class PocketCodecSpec:
    """Linear analysis of 4-frame blocks, convolutional synthesis. Strides are pixels and frames per latent cell."""

    channels: int = 48
    stride: int = 8
    frames: int = 4
    width: int = 64
    blocks: int = 3


@dataclass(frozen=True)
class PocketTextSpec:
    """A word-level text encoder; `vocabulary` comes with the weights."""

    dim: int = 192
    layers: int = 2
    heads: int = 4
    length: int = 24
    buckets: int = 2048
