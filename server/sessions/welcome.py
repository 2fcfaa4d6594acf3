"""What a client has to be told when it comes to a session, and comes back. No I/O, no clock."""

from __future__ import annotations

from typing import Any

from flowbrush.protocol import Notice, SessionPaused, SessionRestarted, SessionRewound
from flowbrush.server.sessions import effects as do


class Welcome:
    """Of one session's client."""

    def __init__(self, notices: tuple[Notice, ...]) -> None:
        """`notices` are said when the stream exists."""
        self.notices = notices
        self.said = False
        """whether this connection knows that the stream exists"""
        self.known = False
        """whether the client has ever heard its token"""
        self._start_id: int | None = None
        self._back_to: int | None = None
        """the client's pictures of later chunks than this many are to be forgotten"""
        self.log_short = False
        """they are because the log was damaged: nobody has told the client of a rewind"""

    def come(self, start_id: int | None, back_to: int | None) -> None:
        """A connection is there, whose `session.start` had this id. Of the client's pictures those of the first `back_to` chunks
        hold; None: all of them.
        """
        self.said, self._start_id, self._back_to = False, start_id, back_to

    def say(self, chunk: int, paused: bool) -> list[Any]:
        """The stream exists, and `chunk` comes next: effects. One that comes back hears also that it is paused."""
        asleep = [do.Say(SessionPaused(chunk=chunk))] if self.known and paused else []
        self.said = self.known = True
        notices, self.notices = self.notices, ()
        return [do.SayReady(self._start_id), *self._say_lost(), *asleep, *map(do.Say, notices)]

    def _say_lost(self) -> list[Any]:
        """What the client has, and the log has not, never was."""
        chunks, self._back_to = self._back_to, None
        if chunks is None:
            return []
        gone = do.Say(SessionRewound(chunk=chunks - 1) if chunks else SessionRestarted())
        if not self.log_short:  # it has not heard of a rewind
            return [gone]
        self.log_short = False
        text = "the session's log was damaged: it goes on from where it can be read"
        return [gone, do.Say(Notice(code="log_damaged", message=text))]
