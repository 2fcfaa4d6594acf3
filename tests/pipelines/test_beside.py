"""Work beside other work: in order where there is one queue only."""

from __future__ import annotations

import pytest
import torch

from pipelines.beside import Beside, elapsed_ms, mark

CPU = torch.device("cpu")


def test_without_a_gpu_everything_is_done_in_order() -> None:
    beside, x = Beside(CPU), torch.ones(3)
    with beside.work([x]):
        y = x + 1
    beside.join()
    assert beside.stream is None
    assert torch.equal(y, torch.full((3,), 2.0))


def test_marks_follow_each_other() -> None:
    start, end = mark(CPU), mark(CPU)
    assert elapsed_ms(start, end) >= 0
    assert elapsed_ms(1.0, 1.25) == pytest.approx(250)
