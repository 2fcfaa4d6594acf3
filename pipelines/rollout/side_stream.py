"""Two kinds of work on one device: decoding concurrently with the student's clean pass, and times that do not make anybody wait."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

Timestamp = float | torch.cuda.Event


class SideStream:
    """A second queue of work on a GPU. Elsewhere everything is done in order."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    @property
    def possible(self) -> bool:
        """Whether two things run at once here."""
        return self.stream is not None

    @contextmanager
    def work(self, inputs: Sequence[Tensor]) -> Iterator[None]:
        """What is started inside begins after what was started before, and then runs concurrently with what is started later.

        `inputs` are tensors made outside that the work reads: their memory is kept until it is done.
        """
        if self.stream is None:
            yield
            return
        self.stream.wait_stream(torch.cuda.current_stream(self.stream.device))
        for tensor in inputs:
            tensor.record_stream(self.stream)
        with torch.cuda.stream(self.stream):
            yield

    @contextmanager
    def here(self) -> Iterator[None]:
        """What is started or waited for inside goes on behind the side stream, and not behind what was started elsewhere since."""
        if self.stream is None:
            yield
            return
        with torch.cuda.stream(self.stream):
            yield

    def join(self) -> None:
        """What is started from here on begins after the side stream's work."""
        if self.stream is not None:
            torch.cuda.current_stream(self.stream.device).wait_stream(self.stream)


def timestamp(device: torch.device) -> Timestamp:
    """This point in the device's present queue."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def elapsed_ms(start: Timestamp, end: Timestamp) -> float:
    """Milliseconds between two marks of one queue; only once both have been reached."""
    if isinstance(start, torch.cuda.Event) and isinstance(end, torch.cuda.Event):
        made: float = start.elapsed_time(end)
        return made
    assert isinstance(start, float) and isinstance(end, float)
    return 1e3 * (end - start)
