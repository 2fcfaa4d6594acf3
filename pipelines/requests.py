"""What goes into a stream and what comes out of one chunk. Free of torch, so that the web process can import
it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from flowbrush.models.cards.card import ModelCard

Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class StreamSettings:
    """How a stream starts: the fields of `session.start` that the generator uses, defaults filled in.

    `prompts` are (text, weight) pairs; `image` is an RGB start image [H, W, 3] of any size, or None to start
    from text; `tracks` are `track.begin` messages known beforehand; `steps` the denoising steps, None for the
    model's own; `source` says that the stream follows a video of its client's, so that it needs no prompt.
    """

    model: str
    prompts: tuple[tuple[str, float], ...]
    width: int
    height: int
    fps: float
    seed: int = 0
    steps: int | None = None
    image: Frames | None = None
    tracks: tuple[Any, ...] = ()
    source: bool = False


@dataclass(frozen=True)
class SourceClip:
    """The client's video through one chunk, which the pictures follow: RGB uint8 `frames` [F, H, W, 3] of the stream's size, one
    for each of the chunk's, and the `strength` 0..1 with which it is followed (1: as closely as the model can).
    """

    frames: Frames
    strength: float


@dataclass(frozen=True)
class Applied:
    """A control with an id whose effect is first seen in `frame` (index in the stream)."""

    id: int
    frame: int


@dataclass(frozen=True)
class Notice:
    """Nothing failed, but the person should know. `prompt` is the text that it is about, if it is about one."""

    code: str
    message: str
    id: int | None = None
    prompt: str | None = None


Region = tuple[tuple[tuple[float, float], ...], ...]  # polygons of (x, y) in frame sizes, even-odd
HeldRegion = tuple[int, Region]  # a track and what it has taken


@dataclass(frozen=True)
class Outline:
    """What a hand would take at `point` (frame sizes): nothing where `region` is empty. `label` is empty for what has no name."""

    point: tuple[float, float]
    region: Region = ()
    label: str = ""


@dataclass(frozen=True)
class ChunkResult:
    """One finished chunk of one stream. `frames` is RGB uint8 [F, H, W, 3]; times are in milliseconds, `denoise_ms` without
    the pass for later chunks; `held` what hands that began with it have taken; `quiet` that no control moves anything
    after it and nothing lives by itself: under a source that stands still the next chunk would show nothing new.
    """

    chunk: int
    first_frame: int
    frames: Frames
    prompt: str
    applied: tuple[Applied, ...] = ()
    notices: tuple[Notice, ...] = ()
    denoise_ms: float = 0.0
    decode_ms: float = 0.0
    held: tuple[HeldRegion, ...] = ()
    quiet: bool = False
    extra: dict[str, float] = field(default_factory=dict)


def size_of(known: ModelCard, width: int | None, height: int | None, image: Frames | None) -> tuple[int, int]:
    """The size of a stream's pictures: what was asked for, else the one that fits the start image's shape, else the model's own.

    Raises ValueError for a size that the model does not make.
    """
    fitting = [size for size in known.sizes if width in (None, size[0]) and height in (None, size[1])]
    if not fitting:
        made = ", ".join(f"{w}x{h}" for w, h in known.sizes)
        asked = f"{width or 'any width'} x {height or 'any height'}"
        raise ValueError(f"{known.name} makes pictures of {made}, not {asked}")
    if image is None:
        return fitting[0]
    return known.size_for(image.shape[1], image.shape[0], fitting)


FIRST_FOLLOWED = 0x7F000000
"""The number of the first track by which a server moves a stream as a video moves; 64 of them. Clients leave them alone."""


def is_followed(track: int) -> bool:
    """Whether the track is a point of a video that is followed: it moves the picture as a whole, and takes no thing."""
    return FIRST_FOLLOWED <= track < FIRST_FOLLOWED + 64


def check_settings(known: ModelCard, settings: StreamSettings, begun: bool = False) -> None:
    """Raises ValueError for settings that the model `known` cannot serve. A stream that has `begun` needs its start image no
    more.
    """
    if settings.model != known.name:
        raise ValueError(f"this generator serves {known.name!r}, not {settings.model!r}")
    if (settings.width, settings.height) not in known.sizes:
        made = ", ".join(f"{width}x{height}" for width, height in known.sizes)
        raise ValueError(f"{known.name} makes pictures of {made}, not {settings.width}x{settings.height}")
    if settings.fps != known.fps:
        raise ValueError(f"{known.name} makes {known.fps:g} frames a second, not {settings.fps:g}")
    if not settings.prompts and settings.image is None and not settings.source and not begun:
        raise ValueError("a prompt is missing: give at least one, a start image, or a source")
    if settings.image is not None and not known.capabilities["image"]:
        raise ValueError(f"{known.name} starts from text alone: leave the image out")
