"""Encoders are guests: none of them may change how the machine is shared."""

from __future__ import annotations

import os

import pytest

from flowbrush.server.engine.encoder import available_codecs


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no scheduling policies")
def test_trying_all_codecs_leaves_every_thread_ordinary() -> None:
    """SVT-AV1 makes the whole process a real-time one where it may: as root."""
    assert available_codecs(64, 64, 16.0)
    policies = {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}
    assert policies == {os.SCHED_OTHER}
