"""Where a session can be, and which ways lead from there."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a session is.

    `waiting`: without a slot. `opening`: it has a slot, and its state is yet to be made there, or to be taken back. `ready`:
    the next chunk can be made. `stepping`: it is being made. `done`: over.
    """

    WAITING = "waiting"
    OPENING = "opening"
    READY = "ready"
    STEPPING = "stepping"
    DONE = "done"


NEXT = {
    Phase.WAITING: {Phase.OPENING, Phase.DONE},
    Phase.OPENING: {Phase.READY, Phase.WAITING, Phase.OPENING, Phase.DONE},
    Phase.READY: {Phase.STEPPING, Phase.OPENING, Phase.WAITING, Phase.DONE},
    Phase.STEPPING: {Phase.READY, Phase.OPENING, Phase.WAITING, Phase.DONE},
    Phase.DONE: set[Phase](),
}
SEATED = frozenset({Phase.OPENING, Phase.READY, Phase.STEPPING})
"""The phases of a session that holds a slot."""
