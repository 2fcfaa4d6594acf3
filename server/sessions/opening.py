"""The order that gives a worker the state which a session wants: a start, a snapshot, a rewind. No I/O, no clock."""

from __future__ import annotations


class Opening:
    """One order at a time. What is wanted may change while it is carried out; then its answer is of no use."""

    def __init__(self) -> None:
        self._ordered: int | None = None
        """epoch of the order that the worker has"""
        self.rewind_to: int | None = None
        """the state at the worker only has to be taken back to the end of this chunk"""

    @property
    def ordered(self) -> bool:
        """Whether the worker has an order that it has not answered."""
        return self._ordered is not None

    def order(self, epoch: int) -> None:
        """The worker is given the order of this epoch."""
        self._ordered = epoch

    def answered(self, epoch: int) -> bool:
        """Whether this answers the order, which is over then."""
        if epoch != self._ordered:
            return False
        self._ordered = None
        return True

    def forget(self) -> None:
        """There is no worker, or another one."""
        self._ordered = self.rewind_to = None
