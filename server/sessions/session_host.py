"""What is attached to one session: the client, viewers, the recording, the newest packets. It decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from flowbrush.protocol import CloseCode, Limits, Message, SessionReady
from flowbrush.server.delivery.delivery import Media, Outbox, Ring
from flowbrush.server.delivery.recording import Recording
from flowbrush.server.engine.scheduler import Rank
from flowbrush.server.metrics import Metrics
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions.session import Session
from flowbrush.server.sessions.video import Video
from flowbrush.server.store.journal import Journal
from flowbrush.server.store.store import SessionRecord

AHEAD_CHUNKS = 2
"""Chunks that may wait for the client's connection before its generation stops."""

RESUMED_FRAMES = 1024
"""Frames that may wait for a client: all that is kept for a resume, and as many that are made meanwhile."""
WATCHER_FRAMES = 64
"""The same for a watcher: further behind it skips to a key frame, and one comes about as often."""

CATCH_UP_S = 5.0
"""So long a picture is waited for that a stream shows only when it has gone back, or was opened."""
CATCH_UP_LOOK_S = 0.02


class LatestJpeg:
    """The newest frame for one viewer of JPEG pictures; older ones that it did not take in time are gone."""

    def __init__(self) -> None:
        self._frame: bytes | None = None
        self._changed = asyncio.Event()
        self.empty = True
        """whether there was no frame yet"""

    def put(self, frame: bytes | None) -> None:
        """The newest frame; None ends the stream of pictures."""
        self._frame = frame
        self.empty = False
        self._changed.set()

    async def next(self) -> bytes | None:
        """Waits for a frame that was not taken yet; None at the end."""
        await self._changed.wait()
        self._changed.clear()
        return self._frame


class SessionHost:
    """A session, which decides, with what it is seen through."""

    def __init__(
        self,
        meta: SessionRecord,
        session: Session,
        journal: Journal,
        recording: Recording | None,
        metrics: Metrics,
    ) -> None:
        self.meta = meta
        self.session = session
        self.journal = journal
        self.recording = recording
        self.account = meta.owner
        """whose quota it uses: the key, or on a server without keys the address of its client"""
        self.token = ""
        """as the client knows it; only its hash is stored"""
        self.outbox: Outbox | None = None
        self.viewers: set[Outbox] = set()
        self.jpeg_viewers: set[LatestJpeg] = set()
        self.gone = asyncio.Event()
        """set while no client is there"""
        self.gone.set()
        self.start_asked: float | None = None
        self.start_id: int | None = None
        self.place_said: tuple[int, int] | None = None
        self.rank: Rank | None = None
        """its place in the queue; None while it does not wait"""
        self.tied = False
        """whether it ends with its client's connection"""
        self.kept_until = 0.0
        """until then it is not let go to another gateway: that was tried, and failed"""
        self.told_to_move = 0.0
        """when its connection was told to go on at another gateway (monotonic seconds); 0 where it was not, or has answered"""
        self.closed = False
        self.recording_over = False
        """whether its client knows that nothing more is recorded"""
        self.video = Video(meta, session, self.say)
        self._metrics = metrics
        self._ring = Ring()

    @property
    def id(self) -> str:
        """The session's id."""
        return self.session.id

    @property
    def stays(self) -> bool:
        """Whether it can get a seat of this gateway only, for now."""
        away = self.outbox is None or self.outbox.closed
        return away or time.monotonic() < self.kept_until

    @property
    def blocked(self) -> bool:
        """Whether the client is away or does not take what it has been sent."""
        if self.outbox is None or self.outbox.closed:
            return True
        return self.outbox.frames > AHEAD_CHUNKS * self.meta.chunk_frames

    @property
    def stands(self) -> bool:
        """Whether no chunk is about to be made: who looks on now would wait for a picture."""
        return self.blocked or self.video.rests or self.session.stands(time.monotonic())

    async def caught_up(self) -> bool:
        """Waits until its worker's state is where the stream stands, for a while; whether it is."""
        for _ in range(round(CATCH_UP_S / CATCH_UP_LOOK_S)):
            if not (self.session.behind and self.session.presence.there):
                break
            await asyncio.sleep(CATCH_UP_LOOK_S)
        return not self.session.behind

    def still_packet(self, frame: int, payload: bytes) -> Media:
        """The frame once more, as a picture that stands on its own."""
        now = time.monotonic()
        return Media(self.session.output.still(frame, payload), now, now)

    def ready_message(
        self, card: dict[str, Any], id: int | None = None, for_viewer: bool = False
    ) -> SessionReady:
        """What is said when the session exists, with the facts of its model."""
        meta = self.meta
        return SessionReady(
            id=id,
            session=self.id,
            resume_token=None if for_viewer else self.token,
            model=meta.model,
            width=meta.width,
            height=meta.height,
            fps=meta.fps,
            chunk_frames=meta.chunk_frames,
            codec=meta.codec,
            codec_string=meta.codec_string,
            capabilities=card.get("capabilities", {}),
            examples=tuple(card.get("examples", ())),
            limits=Limits(),
            last_id=self.session.last_id,
            prompts=self.session.asked.before(self.session.upcoming),
            notices=self.session.asked.notices,
        )

    # ---- connections

    def make_outbox(self, frames: int, need_key: Callable[[], None]) -> Outbox:
        """A box for a connection to this session."""
        return Outbox(frames, need_key, lambda count: self._metrics.drops.labels("stale").inc(count))

    def attach(self, outbox: Outbox) -> None:
        """A client is there (again); the one before, if it still hangs, is let go."""
        if self.outbox is not None:
            self.outbox.close(CloseCode.POLICY, "the session was resumed by another connection")
        self.video.end()
        self.told_to_move = 0.0  # the connection that was told is gone
        self.outbox = outbox
        self.gone.clear()

    def detach(self, outbox: Outbox) -> bool:
        """The client's connection is gone; False for one that was replaced by another, which does not matter."""
        if self.outbox is not outbox:
            return False
        self.outbox = None
        self.video.end()
        self.gone.set()
        return True

    def connections(self) -> list[Outbox]:
        """The boxes of the client and of all viewers."""
        return [*([self.outbox] if self.outbox is not None else []), *self.viewers]

    def say(self, message: Message, all: bool = False) -> None:
        """To the client, if it is there; with `all` to the viewers, too."""
        if self.outbox is not None:
            self.outbox.say(message)
        if all:
            for viewer in self.viewers:
                viewer.say(message)

    # ---- pictures

    def show(self, effect: do.Show) -> None:
        """A packet to the client, the viewers and the ring."""
        now = time.monotonic()
        media = Media(effect.packet, effect.began, now)
        self._ring.put(media)
        if self.outbox is not None:
            self.outbox.show(media)
            if self.start_asked is not None:
                self._metrics.first_frame.observe(now - self.start_asked)
                self.start_asked = None
        for viewer in self.viewers:
            viewer.show(media)
        for since in effect.measured:
            self._metrics.control_to_pixel.observe(now - since)

    def show_jpeg(self, picture: bytes) -> None:
        """A picture for the viewers that take nothing else."""
        for viewer in self.jpeg_viewers:
            viewer.put(picture)

    def catch_up(self, frame: int) -> None:
        """Sends a client that returns what it missed from `frame` on. Raises LookupError when that is no longer here."""
        kept = self._ring.since(frame)
        if kept is None or self.outbox is None:
            raise LookupError(f"frame {frame} is no longer kept")
        now = time.monotonic()
        for media in kept:
            self.outbox.show(Media(media.packet, media.began, now))

    def forget_sent(self, boxes: bool) -> None:
        """The stream jumps; with `boxes`, what waits in them is of another past, too."""
        self._ring.clear()
        if boxes:
            for outbox in self.connections():
                outbox.forget_media()

    # ---- files

    def stop_recording(self) -> None:
        """What comes cannot go into the same file."""
        self.recording_over = True
        if self.recording is not None:
            self.recording.full = True

    def cut(self, chunks: int) -> None:
        """Forgets what is kept in memory of the chunks from `chunks` on, which are of another past."""
        self.meta.first_frame = min(self.meta.first_frame, self.session.first_frame)
        self.video.forget(chunks)

    def cut_files(self, chunks: int) -> None:
        """Journal and recording forget everything from chunk `chunks` on. Blocks. Raises OSError."""
        try:
            if self.recording is not None:
                self.recording.cut(chunks)
        finally:
            self.journal.truncate(chunks)

    def check_files(self) -> None:
        """Sees to it that journal and recording are where they belong. Blocks. Raises OSError."""
        try:
            if self.recording is not None:
                self.recording.check()
        finally:
            self.journal.check()

    def close_files(self) -> None:
        """Closes the files. Blocks."""
        if self.recording is not None:
            self.recording.close()
        self.journal.close()

    def close(self, code: int, reason: str) -> None:
        """Ends every connection."""
        self.closed = True
        self.video.end()
        for outbox in self.connections():
            outbox.close(code, reason)
        for viewer in self.jpeg_viewers:
            viewer.put(None)
