"""What people see of a picture once it was encoded, and what that costs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowbrush.decoder import Decoder
from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.pipelines.requests import ChunkResult
from flowbrush.protocol import Codec
from flowbrush.server.engine import encoder as encoders
from flowbrush.server.engine import ipc
from flowbrush.server.engine.encode_thread import Job, StreamEncoder
from flowbrush.server.engine.encoder import VideoEncoder, available_codecs, has_nvenc

MOST_WAITING = 64
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


@pytest.mark.parametrize("codec", [Codec.H264, Codec.VP8, Codec.VP9])
def test_a_key_frame_comes_every_few_seconds_unasked(codec: Codec) -> None:
    """A file can be searched and a clip begins near where it is asked for; more of them would be paid for by all who look on."""
    encoder, frame = VideoEncoder(codec, 64, 48, 16), np.full((48, 64, 3), 90, np.uint8)
    keys = [index / 16 for index in range(16 * 14) if encoder.encode(frame)[1]]
    assert keys[0] == 0.0 and 3.0 <= keys[1] <= 6.0 and keys[2] - keys[1] == keys[1]


@pytest.fixture
def a_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An NVIDIA driver, and no GPU that encodes: that is found out anew, before and after."""
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(encoders, "NVIDIA_DRIVER", tmp_path / "nvidiactl")
    has_nvenc.cache_clear()
    yield
    has_nvenc.cache_clear()


def test_a_gpu_without_an_encoder_is_told_once_and_is_no_error(
    a_driver: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried, real = [], encoders.CodecContext.create

    class Counted:
        @staticmethod
        def create(name: str, mode: str) -> object:
            tried.append(name)
            return real(name, mode)

    monkeypatch.setattr(encoders, "CodecContext", Counted)
    with caplog.at_level(logging.INFO):
        assert "h264" in available_codecs(320, 192, 16)
        for _ in range(3):
            VideoEncoder(Codec.H264, 320, 192, 16)
    assert tried.count("h264_nvenc") == 1 and tried.count("libx264") == 4
    assert [record.levelno for record in caplog.records] == [logging.INFO]
    assert "h264_nvenc does not open" in caplog.text


def test_chunks_that_wait_for_a_stuck_encoder_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is some megabytes of pictures; a stream that is so far behind hears that it has failed, and hears it once."""
    go_on, said = threading.Event(), list[ipc.StreamFailed]()
    monkeypatch.setattr(VideoEncoder, "encode", lambda *_: go_on.wait() and (b"", True))
    stream = StreamEncoder(said.append, Codec.JPEG, 16, 16, 16.0)
    chunk, picture = 0, np.zeros((1, 16, 16, 3), np.uint8)
    while not said and chunk < 4 * MOST_WAITING:
        stream.put(Job(ipc.StepItem("s", 0, chunk, ()), ChunkResult(chunk, chunk, picture, "p")))
        chunk += 1
    stream.put(Job(ipc.StepItem("s", 0, chunk, ()), ChunkResult(chunk, chunk, picture, "p")))
    stream.close()
    go_on.set()
    assert 8 <= chunk <= MOST_WAITING and len(said) == 1 and said[0].encoder
