"""What a network looks like, as frozen and checked values. No tensors here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class StudentSpec:
    """Shape of a causal video transformer.

    `patch` is the spatial patch edge in latent cells. `chunk`, `sink` and `window` are the paper's c, s, w:
    latent frames in a chunk, sink chunks and window chunks. `conv_width` > 0 puts a convolutional stem and
    head at latent resolution around the transformer (pocket); 0 is Wan's linear patch embedding and head.
    `condition_channels` maps enter along with the noisy latent through that stem. `prediction` is what the
    head's output means: Wan's velocity, noise - x0, or x0.
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
    conv_head_blocks: int = 2
    condition_channels: int = 0
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
        if self.condition_channels and not self.conv_width:
            raise ValueError("conditions enter through the convolutional stem: set conv_width")

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads

    @property
    def model_channels(self) -> int:
        """Channels of the latent that enters the patch embedding: noisy latent plus whatever else is
        concatenated.
        """
        return self.in_channels or self.latent_channels


@dataclass(frozen=True)
class RolloutSpec:
    """How a student is rolled out: at which noise levels a chunk is made, and what becomes of the past.

    `step_list` are the published step numbers in 0..1000 (empty: even levels and deterministic steps,
    pocket); between those steps the chunk gets fresh noise. `shift` bends the 1000-entry table of levels,
    `warp` reads the numbers as places in that table and not as its values. `joint` denoises a window of
    chunks at rising levels together (Rolling Forcing; without a past StreamDiT's moving buffer).
    `positions` are counted by cache slot or from the stream's start ("absolute"). `sink_average` mixes
    what leaves the window into the sink, keeping this share (Reward Forcing). `past` is kept as keys and
    values ("cache") or worked out again from latents before each chunk ("recompute", Krea); these begin
    with the oldest picture of the latest chunk, encoded again, or, with `keep_first_frame`, with the
    stream's first latent frame. With "none" chunks that are denoised together see each other alone
    (StreamDiT). `recache` works the window out again when the prompt changes (LongLive). A `step_list`
    that ends in 0 has its last step at the table's lowest level.
    """

    step_list: tuple[int, ...] = ()
    shift: float = 1.0
    warp: bool = True
    joint: bool = False
    positions: str = "slot"
    sink_average: float | None = None
    past: str = "cache"
    keep_first_frame: bool = False
    recache: bool = False

    def __post_init__(self) -> None:
        if self.positions not in ("slot", "absolute"):
            raise ValueError(f"positions {self.positions!r} are neither 'slot' nor 'absolute'")
        if self.past not in ("cache", "recompute", "none"):
            raise ValueError(f"past {self.past!r} is none of 'cache', 'recompute' and 'none'")
        if self.past == ("recompute" if self.joint else "none"):
            raise ValueError("past 'none' is for joint denoising alone, and 'recompute' is not for it")
        if self.sink_average is not None and not (0 <= self.sink_average <= 1 and self.positions == "slot"):
            raise ValueError("sink_average must be in 0..1 and needs positions by slot")
        if list(self.step_list) != sorted(set(self.step_list), reverse=True):
            raise ValueError(f"step_list {self.step_list} must fall")


@dataclass(frozen=True)
class PocketCodecSpec:
    """Linear components of 4-frame blocks. Strides are pixels and frames per latent cell."""

    encoder: ClassVar[str] = "its linear codec"

    channels: int = 96
    stride: int = 8
    frames: int = 4


@dataclass(frozen=True)
class PocketTextSpec:
    """A word-level text encoder; `vocabulary` comes with the weights."""

    dim: int = 192
    layers: int = 2
    heads: int = 4
    length: int = 24
    buckets: int = 2048


@dataclass(frozen=True)
class KeyframesSpec:
    """Shape of the keyframes: sprites of `edge` pixels, `variants` backgrounds of each scene for frames of each of `sizes` (W, H),
    `margin` (x, y) pixels larger on each side.

    Codes stand for blocks of `stride` x `stride` pixels; `thing_widths` are channels at 1/stride, 2/stride, … of a sprite. Each
    block of a scene has `scene_plain` codes, `scene_details` blocks in all have `scene_fine` ones in addition.
    """

    edge: int = 112
    thing_channels: int = 48
    thing_stride: int = 8
    thing_widths: tuple[int, ...] = (96, 64, 48)
    variants: int = 3
    sizes: tuple[tuple[int, int], ...] = ((320, 192), (192, 320), (256, 256))
    margin: tuple[int, int] = (160, 56)
    scene_stride: int = 8
    scene_plain: int = 4
    scene_fine: int = 48
    scene_details: int = 30000

    def __post_init__(self) -> None:
        if self.edge % self.thing_stride:
            raise ValueError(f"edge {self.edge} is not a multiple of thing_stride {self.thing_stride}")
        for size in self.sizes:
            for side, margin in zip(size, self.margin, strict=True):
                if (side + 2 * margin) % self.scene_stride:
                    raise ValueError(
                        f"{side} with margins of {margin} is not a multiple of scene_stride {self.scene_stride}"
                    )


@dataclass(frozen=True)
class SegmenterSpec:
    """Shape of the segmenter: each look has a longer side of `edge` pixels; `widths` are channels at 1/2, 1/4, … of that."""

    edge: int = 160
    widths: tuple[int, ...] = (16, 32, 64, 128, 192)


@dataclass(frozen=True)
class InpainterSpec:
    """Shape of the inpainter: `widths` are channels at 1/2, 1/4, … of the picture."""

    widths: tuple[int, ...] = (24, 48, 96, 128)


@dataclass(frozen=True)
class TaeSpec:
    """The tiny autoencoder of Wan latents (TAEHV). `widths` of its four stages; `patch` 2 for the 48-channel
    one.
    """

    encoder: ClassVar[str] = "the tiny autoencoder's own encoder (TAEHV)"

    channels: int = 16
    stride: int = 8
    frames: int = 4
    widths: tuple[int, int, int, int] = (256, 128, 64, 64)
    patch: int = 1


@dataclass(frozen=True)
class VaeSpec:
    """Wan's own autoencoder, by diffusers. `config` are its constructor's arguments, as (name, value) pairs."""

    encoder: ClassVar[str] = "Wan's own encoder (diffusers)"

    channels: int = 16
    stride: int = 8
    frames: int = 4
    config: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Umt5Spec:
    """The UMT5 text encoder; prompts are padded with zero rows to `length` tokens, which is part of the
    student.
    """

    dim: int = 4096
    length: int = 512
