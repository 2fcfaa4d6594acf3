"""Encoders are guests: none of them may change how the machine is shared."""

from __future__ import annotations

import os

import numpy as np
import pytest

from flowbrush.protocol import Codec
from flowbrush.server.engine.encoder import VideoEncoder, available_codecs

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getscheduler"), reason="this system has no scheduling policies"
)


def policies() -> set[int]:
    return {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}


@pytest.mark.parametrize("codec", list(Codec))
def test_an_encoder_is_ordinary_before_its_first_frame(codec: Codec) -> None:
    """Threads that spin at real-time priority can starve the one that gives them the frame."""
    encoder = VideoEncoder(codec, 64, 64, 16.0)
    assert policies() == {os.SCHED_OTHER}
    assert encoder.encode(np.zeros((64, 64, 3), np.uint8))[1]
    assert policies() == {os.SCHED_OTHER}


def test_trying_all_codecs_leaves_every_thread_ordinary() -> None:
    """SVT-AV1 makes the whole process a real-time one where it may: as root."""
    assert available_codecs(64, 64, 16.0)
    assert policies() == {os.SCHED_OTHER}
