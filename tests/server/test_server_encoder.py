"""What people see of a picture once it was encoded, and what that costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowbrush.decoder import Decoder
from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.protocol import Codec
from flowbrush.server.engine.encoder import VideoEncoder

PHOTO = Path(__file__).parents[2] / "web" / "gallery" / "photo-panda.webp"


@pytest.mark.parametrize("codec", list(Codec))
def test_a_photo_that_moves_is_seen_as_it_is_and_costs_no_more_than_it_must(codec: Codec) -> None:
    picture = np.asarray(Image.open(PHOTO).convert("RGB").resize((320, 192)))
    encoder, decoder = VideoEncoder(codec, 320, 192, 16), Decoder(codec)
    decibels, sizes = [], []
    for index in range(8):
        frame = np.roll(picture, index, 1)
        payload, key = encoder.encode(frame)
        flags = Flag.KEY if key else NO_FLAGS
        seen = decoder.decode(Packet(0, index, index * 62_500, codec, payload, flags))
        assert seen is not None
        error = np.square(seen.astype(float) - frame).mean()
        decibels.append(10 * np.log10(255**2 / error))
        sizes.append(len(payload))
    assert min(decibels) > 36  # a JPEG of quality 75 has 35
    assert sizes[0] < 25_000
    assert codec is Codec.JPEG or max(sizes[1:]) < sizes[0] / 2
