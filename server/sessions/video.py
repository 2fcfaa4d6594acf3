"""The video that the client of one session sends: one source after another, and what chunks were made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowbrush.protocol import Message, SourceFields
from flowbrush.server.engine.ipc import Made, SourceChunk
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Session
from flowbrush.server.source.clips import Clips
from flowbrush.server.source.source import Source
from flowbrush.server.source.window import Window
from flowbrush.server.store.store import SessionRecord


class Video:
    """Of one session, which says what chunk it is at; `source` is None while its client sends none."""

    def __init__(self, meta: SessionRecord, session: Session, say: Callable[[Message], None]) -> None:
        """`say` tells the client of frames that are no good."""
        self.source: Source | None = None
        self._meta, self._session, self._say = meta, session, say
        self._clips = Clips()
        self._quiet = False
        """whether nothing moved but what a source shows, in the chunk that was made last"""

    def begin(self, given: SourceFields, changed: Callable[[], None], first: bool = False) -> None:
        """The client sends video from now on; what it sent before is over. `changed` is told of its frames; `first`: the stream
        begins with it.
        """
        self.end()
        meta = self._meta
        window = Window(meta.chunk_frames, meta.fps, given.strength, given.fps)
        self.source = Source(given, window, (meta.width, meta.height), self._say, changed, first)

    def end(self) -> None:
        """No more video comes."""
        if self.source is not None:
            self.source.close()
            self.source = None

    @property
    def rests(self) -> bool:
        """Whether the next chunk would show nothing new: its source stands still, or has not shown anything yet."""
        if self.source is None or self.source.ended:
            return False
        if self.source.awaited:
            return True
        session = self._session
        asked = len(session.pending) or session.stepping is not None or session.output.want_key
        return self.source.rests and self._quiet and not asked and session.chunk >= session.upcoming

    def motion(self) -> SourceChunk | None:
        """How the points of a source move in the next chunk, where one gives tracks, and that chunk is a new one."""
        source, session = self.source, self._session
        if source is None or source.given.use != "tracks" or session.phase is not Phase.READY:
            return None
        return source.take() if session.chunk >= session.upcoming else None

    def clip(self, chunk: int) -> SourceChunk | None:
        """What a chunk is made from, of the source's pictures."""
        source = self.source if self.source is not None and self.source.given.use == "picture" else None
        newest = chunk + 1 == self._session.upcoming
        return self._clips.of(chunk, newest, lambda: None if source is None else source.take())

    def heard(self, message: Any) -> None:
        """What its worker says."""
        if isinstance(message, Made):
            self._quiet = message.quiet

    def forget(self, chunks: int) -> None:
        """What chunks from `chunks` on were made of is of another past."""
        self._clips.cut(chunks)
