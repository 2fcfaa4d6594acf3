"""One session with all that is attached to it: the client, viewers, the recording, the newest packets."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from flowbrush.packets import Packet
from flowbrush.protocol import CloseCode, Limits, Message, Notice, SessionReady
from server.delivery.delivery import Media, Outbox, Ring
from server.delivery.mp4 import Sample
from server.delivery.recording import Recording
from server.engine import ipc
from server.metrics import Metrics
from server.sessions.session import Outgoing, Session
from server.store.store import Meta

log = logging.getLogger(__name__)

AHEAD_CHUNKS = 2
"""Chunks that may wait for the client's connection before its generation stops."""

RESUMED_FRAMES = 1024
WATCHER_FRAMES = 64


class LatestJpeg:
    """The newest frame for one viewer of JPEG pictures; older ones that it did not take in time are gone."""

    def __init__(self) -> None:
        self._frame: bytes | None = None
        self._changed = asyncio.Event()

    def put(self, frame: bytes | None) -> None:
        """The newest frame; None ends the stream of pictures."""
        self._frame = frame
        self._changed.set()

    async def next(self) -> bytes | None:
        """Waits for a frame that was not taken yet; None at the end."""
        await self._changed.wait()
        self._changed.clear()
        return self._frame


class Live:
    """Glue between a `Session`, which decides, and what listens to it."""

    def __init__(
        self, meta: Meta, session: Session, recording: Recording | None, storage: Executor, metrics: Metrics
    ) -> None:
        self.meta = meta
        self.session = session
        self.recording = recording
        self.token = ""
        """as the client knows it; only its hash is stored"""
        self.worker: str | None = None
        self.outbox: Outbox | None = None
        self.viewers: set[Outbox] = set()
        self.jpeg_viewers: set[LatestJpeg] = set()
        self.detached_at: float | None = time.monotonic()
        self.gone = asyncio.Event()
        """set while no client is there"""
        self.gone.set()
        self.start_asked: float | None = None
        self.ready_said = False
        self.ready_id: int | None = None
        self.place_said: tuple[int, int] | None = None
        self._closed = False
        self._storage = storage
        self._metrics = metrics
        self._ring = Ring()
        self._samples: dict[int, list[Sample]] = {}
        """chunk → its frames so far; the next chunk may be made before all of one are encoded"""
        self._began: dict[int, float] = {}

    @property
    def id(self) -> str:
        """The session's id."""
        return self.session.id

    @property
    def blocked(self) -> bool:
        """Whether the client is away or does not take what it has been sent."""
        if self.outbox is None or self.outbox.closed:
            return True
        return self.outbox.frames > AHEAD_CHUNKS * self.session.chunk_frames

    @property
    def stands(self) -> bool:
        """Whether no chunk is about to be made: who looks on now would wait for a picture."""
        return self.blocked or (self.session.paused and self.session.steps_left == 0)

    def still_packet(self, frame: int, payload: bytes) -> Media:
        """The frame once more, as a picture that stands on its own."""
        now = time.monotonic()
        return Media(self.session.still(frame, payload), now, now)

    def ready_message(self, card: dict[str, Any], for_viewer: bool = False) -> SessionReady:
        """What is said when the session exists, with the facts of its model."""
        meta = self.meta
        return SessionReady(
            id=None if for_viewer else self.ready_id,
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
        )

    def make_outbox(self, frames: int) -> Outbox:
        """A box for a connection to this session."""

        def need_key() -> None:
            self.session.want_key = True

        return Outbox(frames, need_key, lambda count: self._metrics.drops.labels("stale").inc(count))

    def attach(self, outbox: Outbox) -> None:
        """A client is there (again); the one before, if it still hangs, is let go."""
        if self.outbox is not None:
            self.outbox.close(CloseCode.POLICY, "the session was resumed by another connection")
        self.outbox, self.detached_at, self.ready_said = outbox, None, False
        self.gone.clear()

    def detach(self, outbox: Outbox) -> None:
        """The client's connection is gone; one that was replaced by another does not matter."""
        if self.outbox is outbox:
            self.outbox, self.detached_at = None, time.monotonic()
            self.gone.set()

    def say(self, message: Message) -> None:
        """To the client, if it is there."""
        if self.outbox is not None:
            self.outbox.say(message)

    def say_all(self, message: Message) -> None:
        """To the client and to the viewers."""
        self.say(message)
        for viewer in self.viewers:
            viewer.say(message)

    def caught_up(self, frame: int) -> bool:
        """Sends a client that returns what it missed from `frame` on; False when that is no longer here."""
        if frame == self.session.frame:
            return True
        packets = self._ring.since(frame)
        if packets is None or self.outbox is None:
            return False
        now = time.monotonic()
        for packet in packets:
            self.outbox.show(Media(packet, self._began.get(packet.chunk, now), now))
        return True

    def redo_from(self, frame: int) -> None:
        """A client came back that has every frame before `frame`; those after it have to be made again."""
        self._ring.clear()
        self._samples.clear()
        recorded = self.recording.chunks if self.recording is not None else None
        self.session.continue_from(frame, recorded)

    def began(self, chunk: int, now: float) -> None:
        """The making of a chunk was asked for."""
        self._began[chunk] = now
        while len(self._began) > 256:
            del self._began[next(iter(self._began))]

    def made(self, made: ipc.Made) -> None:
        """The forward pass of a chunk is done."""
        for message in self.session.made(made, time.monotonic()).messages:
            self.say(message)
        self._samples[made.chunk] = []
        (self._metrics.replayed if made.mute else self._metrics.chunks).inc()
        self._metrics.stage.labels("generate").observe(made.denoise_ms / 1e3)
        self._metrics.stage.labels("decode").observe(made.decode_ms / 1e3)

    def encoded(self, encoded: ipc.Encoded) -> None:
        """One frame: to the client, the viewers, the ring and the recording."""
        now = time.monotonic()
        out: Outgoing = self.session.encoded(encoded)
        for message in out.messages:
            self.say(message)
        if out.packet is not None:
            self._send(out.packet, now)
        for shown in out.measured:
            if shown.since is not None:
                self._metrics.control_to_pixel.observe(now - shown.since)
        if encoded.jpeg is not None:
            for viewer in self.jpeg_viewers:
                viewer.put(encoded.jpeg)
        samples = self._samples.setdefault(encoded.chunk, [])
        samples.append(Sample(encoded.payload, encoded.key))
        if encoded.last:
            del self._samples[encoded.chunk]
            self._record(encoded.chunk, encoded.frame - len(samples) + 1, samples)
            for message in self.session.finished(encoded.chunk):
                self.say_all(message)
            self._metrics.stage.labels("encode").observe(encoded.encode_ms / 1e3)

    def _send(self, packet: Packet, now: float) -> None:
        session = self.session
        began = self._began.get(packet.chunk, now)
        self._ring.put(packet)
        if packet.frame % session.chunk_frames == 0:
            session.pacer.measured(now - began)
        if session.pacer.sent((packet.frame + 1) / session.settings.fps, now):
            self._metrics.misses.inc()
        media = Media(packet, began, now)
        if self.outbox is not None:
            self.outbox.show(media)
            if self.start_asked is not None:
                self._metrics.first_frame.observe(now - self.start_asked)
                self.start_asked = None
        for viewer in self.viewers:
            viewer.show(media)

    def _record(self, chunk: int, first_frame: int, samples: list[Sample]) -> None:
        if self.recording is None or self.recording.full or self._closed:
            return
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._storage, self.recording.put, chunk, first_frame, samples)
        writing.add_done_callback(self._recorded)

    def _recorded(self, writing: asyncio.Future[bool]) -> None:
        if writing.cancelled():
            return
        error = writing.exception()
        if error is None and writing.result():
            return
        why = "it has reached its largest size" if error is None else f"it could not be written: {error}"
        if self.recording is not None:
            self.recording.full = True
            log.warning("recording stopped: %s", why, extra={"session": self.id})
            self.say(Notice(code="recording_stopped", message=f"the recording stopped: {why}"))

    def cut(self, chunks: int) -> None:
        """Forgets everything from chunk `chunks` on; what waits to be sent is of another past."""
        for saved, path in self.session.snapshots.items():
            if saved >= chunks:
                Path(path).unlink(missing_ok=True)  # now: a restart must not find it
        for id in self.session.cut(chunks):
            text = "the control was given before the stream went back and is not shown"
            self.say(Notice(code="control_discarded", message=text, id=id))
        self.meta.first_frame = min(self.meta.first_frame, self.session.frame)
        self._ring.clear()
        self._samples.clear()
        for outbox in self.connections():
            outbox.forget_media()
        if self.recording is not None:
            self._storage.submit(self.recording.cut, chunks)

    def connections(self) -> list[Outbox]:
        """The boxes of the client and of all viewers."""
        return [*([self.outbox] if self.outbox is not None else []), *self.viewers]

    def close(self, code: int, reason: str) -> None:
        """Ends every connection and closes the files."""
        self._closed = True
        for outbox in self.connections():
            outbox.close(code, reason)
        for viewer in self.jpeg_viewers:
            viewer.put(None)
        if self.recording is not None:
            self._storage.submit(self.recording.close)
        self.session.journal.close()
