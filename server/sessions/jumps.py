"""Rewinds and resets that come faster than pictures: one that was begun shows its first picture before the next. No I/O, no clock.

Without that a stream that is taken back again and again shows nothing until it is left alone: each jump makes what is
under way stale.
"""

from __future__ import annotations

from typing import Any

from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.effects import Recall

SEEN_S = 0.1
"""So long the first picture after a jump is to be seen."""

PATIENCE_S = 5.0
"""A picture that has not come by then is not waited for."""

MOST = 64
"""So many commands may wait; more is a flood, and nobody looks at that."""

JUMPS = (on.RewindAsked, on.ResetAsked)
BEHIND = (*JUMPS, on.Given, on.PauseAsked, on.ResumeAsked, on.StepAsked)
"""What waits behind a jump that waits: it was meant for the stream after it."""


class Jumps:
    """One session's."""

    def __init__(self) -> None:
        self._asked = False
        self._begun: float | None = None
        """when the worker was given the order for the latest jump"""
        self._made = False
        self._shown: float | None = None
        """when its first picture went out"""
        self._waiting: list[Any] = []
        self.recalling: Recall | None = None
        """what the first of those that wait has to be told before it can be carried out"""
        self.hurried = False
        """whether the session ends, so that nothing is waited for"""

    # ---- the latest jump

    def asked(self) -> None:
        """The stream is to go on elsewhere."""
        self.forget()
        self._asked = True

    def begun(self, now: float) -> None:
        """The worker has the order to bring it there."""
        if self._asked:
            self._begun, self._made = now, False

    def made(self) -> None:
        """The first chunk from there is made."""
        self._made = True

    def shown(self, now: float) -> None:
        """A picture went out."""
        if self._begun is not None and self._shown is None:
            self._shown = now

    def forget(self) -> None:
        """Nothing is waited for any more."""
        self._asked, self._begun, self._made, self._shown = False, None, False, None

    def _under_way(self, now: float) -> bool:
        """Whether the latest jump is begun, and its first picture not seen yet."""
        if self._begun is None:
            return False
        seen = self._shown is not None and now >= self._shown + SEEN_S
        return not seen and now < self._begun + PATIENCE_S

    # ---- those that come after it

    def wait(self, event: Any, now: float, stands: bool) -> bool:
        """Keeps a command that has to wait, and says whether it does. A stream that `stands` shows no picture to wait for."""
        behind = bool(self._waiting) and isinstance(event, BEHIND)
        early = isinstance(event, JUMPS) and self._under_way(now) and not stands
        if behind or early:
            self._waiting.append(event)
        return behind or early

    @property
    def rests(self) -> bool:
        """Whether the next chunk would be made for nothing: a jump waits, and what was made before it is to be seen."""
        return bool(self._waiting) and self._made

    @property
    def due(self) -> float | None:
        """When those that wait are to be carried out; None while their time is not known."""
        return None if self._shown is None or self.recalling else self._shown + SEEN_S

    def take(self, now: float) -> list[Any]:
        """The commands that waited, in their order, when it is time for them; else none."""
        if self.recalling or (self._under_way(now) and len(self._waiting) < MOST):
            return []
        waited, self._waiting = self._waiting, []
        return waited

    def put_back(self, events: list[Any]) -> None:
        """They come after one that has to wait after all."""
        self._waiting += events

    # ---- one that goes back further than memory does

    def recall(self, event: on.RewindAsked, asked: Recall) -> None:
        """It waits until that is known."""
        self._waiting, self.recalling = [event], asked

    def retry(self) -> None:
        """It is known."""
        self.recalling = None

    def give_up(self) -> on.RewindAsked:
        """It cannot be known: takes out the one that waited for that."""
        self.recalling = None
        asked: on.RewindAsked = self._waiting.pop(0)
        return asked

    def hurry(self) -> None:
        """The session ends: what waits is carried out at once."""
        self.forget()
        self.recalling, self.hurried = None, True
