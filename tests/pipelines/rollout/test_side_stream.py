"""Concurrent work on one device: in order where there is one queue only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from stream_helpers import settings_for

from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.rollout.side_stream import SideStream, elapsed_ms, timestamp

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


class Recorded(SideStream):
    """A second queue that says what is asked of it, in order."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(CPU)
        self.said = said

    @property
    def possible(self) -> bool:
        return True

    @contextmanager
    def here(self) -> Iterator[None]:
        self.said.append("read")
        yield

    def join(self) -> None:
        self.said.append("join")


def test_pictures_are_read_concurrently_with_the_clean_pass(
    tiny: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That pass is under way already, and only what comes after it waits for both."""
    said: list[str] = []
    monkeypatch.setattr(tiny.sampler, "side", Recorded(said))
    state = tiny.start(settings_for(tiny))
    maker = tiny.lanes[state.size].maker
    remember = maker.remember
    monkeypatch.setattr(maker, "remember", lambda *given: said.append("pass") or remember(*given))
    tiny.step([state], [()], lambda results: said.append("shown"))
    assert said == ["pass", "read", "shown", "join"]
