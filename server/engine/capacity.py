"""How many streams fit: from the memory that is free and from what the model needs for one of them."""

from __future__ import annotations

from typing import Any

import psutil

from models import cpus

SHARE = 0.5
"""Share of the free memory that seats may take; the rest is for the passes themselves."""

BYTES_PER_VALUE = 4
STREAMS_PER_CORE = 2
MOST = 64


def seat_bytes(card: Any) -> int:
    """An upper estimate of what one stream keeps: its share of the cache, its history, its last frames."""
    student, codec = card.student, card.codec
    tokens = (card.width // codec.stride // student.patch) * (card.height // codec.stride // student.patch)
    per_chunk = 2 * student.layers * tokens * student.chunk * student.dim * BYTES_PER_VALUE
    pixels = card.width * card.height * 3 * card.chunk_frames
    return int(per_chunk * (student.sink + student.window + 1 + card.history) + 16 * pixels)


def seats_that_fit(card: Any, device: str) -> int:
    """Streams that this machine can hold on `device`; at least 1."""
    free = psutil.virtual_memory().available
    granted = cpus.memory_left()
    if granted is not None:
        free = min(free, granted)
    most = max(1, round(STREAMS_PER_CORE * cpus.processors()))
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            free, _ = torch.cuda.mem_get_info(torch.device("cuda" if device == "auto" else device))
            most = MOST
    return max(1, min(most, int(free * SHARE / seat_bytes(card))))
