"""How many channels pocket's student takes and makes. Free of torch, as the model cards are."""

from __future__ import annotations

FRAMES = 4  # frames of a latent frame
THINGS = slice(0, 2 * FRAMES)
GROUND = slice(2 * FRAMES, 4 * FRAMES)
DRIVE = slice(4 * FRAMES, 4 * FRAMES + 3)
LIGHT = 4 * FRAMES + 3  # the light's first channel
HINTS = FRAMES + 1 + 2 * FRAMES + 1 + 2  # opacity, held, velocity, confidence, place


def condition_channels(codec: int, latent: int) -> int:
    """How many maps the student sees along with its noise, for a codec and a latent of that many channels: the reference, hints,
    whether there is a past, and that past.
    """
    return codec + HINTS + 1 + latent
