"""Work beside other work: in order where there is one queue only."""

from __future__ import annotations

import pytest
import torch

from pipelines.side_stream import SideStream, elapsed_ms, timestamp

CPU = torch.device("cpu")


def test_without_a_gpu_everything_is_done_in_order() -> None:
    side, x = SideStream(CPU), torch.ones(3)
    with side.work([x]):
        y = x + 1
    side.join()
    assert side.stream is None
    assert torch.equal(y, torch.full((3,), 2.0))


def test_timestamps_follow_each_other() -> None:
    start, end = timestamp(CPU), timestamp(CPU)
    assert elapsed_ms(start, end) >= 0
    assert elapsed_ms(1.0, 1.25) == pytest.approx(250)
