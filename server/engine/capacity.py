"""How many streams fit: from the memory that is free and from what the model needs for one of them."""

from __future__ import annotations

from typing import Any

import psutil

from flowbrush.models import cpus
from flowbrush.models.cards.needs import BYTES, ROOM_FOR_TEXT, needs

SHARE = 0.5
"""Share of the free memory that what seats keep may take: a worker of pocket grows by 130 MB a stream (docs/scale.md), of which
`seat_bytes` is a half; passes and encoders take the rest."""

COUNTED = 0.9
"""The same where all that a stream needs is counted, its part of the passes too: the rest is for what no formula knows."""

BYTES_PER_VALUE = 4

STREAMS_PER_CORE = 2
"""Of pocket without a GPU: two cores make four streams of 16 frames a second in real time, and no more (docs/scale.md)."""

MOST_ON_GPU = 32
"""The web process has one core, and sending a stream takes up to 3.2 % of that (docs/scale.md)."""


def seat_bytes(card: Any) -> int:
    """An upper estimate of what one stream of a small model keeps: its share of the cache, its history, its last frames."""
    student, codec = card.student, card.codec
    tokens = (card.width // codec.stride // student.patch) * (card.height // codec.stride // student.patch)
    per_chunk = 2 * student.layers * tokens * student.chunk * student.dim * BYTES_PER_VALUE
    pixels = card.width * card.height * 3 * card.chunk_frames
    return int(per_chunk * (student.sink + student.window + 1 + card.history) + 16 * pixels)


def streams_in(card: Any, free: int, on_gpu: bool) -> int:
    """Streams for which `free` bytes are enough, before the weights are loaded; those are in half precision on a GPU alone."""
    if card.family != "wan":
        return int(free * SHARE / seat_bytes(card))
    needed = needs(card)
    wider = 1 if on_gpu else BYTES_PER_VALUE // BYTES
    left = free * COUNTED - (needed.device - needed.stream) * wider
    text_is_there = not card.random and (not on_gpu or left > ROOM_FOR_TEXT)
    if text_is_there:
        left -= needed.text * wider
    return int(left / (needed.stream * wider))


def seats_that_fit(card: Any, device: str) -> int:
    """Streams that this machine can hold on `device`; at least 1."""
    free = psutil.virtual_memory().available
    granted = cpus.memory_left()
    if granted is not None:
        free = min(free, granted)
    most, on_gpu = max(1, round(STREAMS_PER_CORE * cpus.processors())), False
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            free, _ = torch.cuda.mem_get_info(torch.device("cuda" if device == "auto" else device))
            most, on_gpu = MOST_ON_GPU, True
    return max(1, min(most, streams_in(card, free, on_gpu)))
