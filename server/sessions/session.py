"""One session: its phase, its place in the stream, what its next chunk is. No I/O, no clock.

The session decides and its driver (`service.py`) does: `take` says what to ask of the worker, `made` and
`encoded` say what to send to the client. Only a chunk that was made moves a session on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.protocol import (
    CameraSet,
    ChunkDone,
    Codec,
    Control,
    ControlApplied,
    Message,
    Notice,
    PromptSet,
    SessionPaused,
    TrackBegin,
)
from pipelines.requests import StreamSettings
from server.engine import ipc
from server.sessions.acks import Acks
from server.sessions.inbox import Inbox
from server.sessions.pacing import Pacer
from server.sessions.session_parts import NEXT, Log, MadeChunk, Outgoing, Phase
from server.sessions.tracks import Tracks

MAX_FAILURES = 3
URGENT, NEVER = float("-inf"), float("inf")


class Session:
    """All that the server knows of one stream, apart from sockets and files."""

    def __init__(
        self,
        id: str,
        settings: StreamSettings,
        chunk_frames: int,
        codec: Codec,
        journal: Log,
        expected_s: float,
    ) -> None:
        """`expected_s` is a first guess of how long a chunk takes."""
        self.id = id
        self.settings = settings
        self.chunk_frames = chunk_frames
        self.chunk_s = chunk_frames / settings.fps
        self.codec = codec
        self.journal = journal
        self.pacer = Pacer(expected_s)
        self.phase = Phase.WAITING
        self.epoch = 0
        self.chunk = 0
        """the next chunk that the worker's state can make"""
        self.frame = 0
        """the next frame that the client gets"""
        self.encode_from = 0
        """chunks before this one are only made to get the state back"""
        self.first_chunk = 0
        """where this session began: later than 0 for a branch of another"""
        self.paused = False
        self.steps_left = 0
        self.step_id: int | None = None
        self.stepping = False
        """whether a `session.step` is still to be answered"""
        self.last_id = 0
        self.want_key = True
        self.discontinuity = False
        self.snapshots: dict[int, str] = {}
        """chunk → file with the state after it"""
        self.failures = 0
        self.opening_failures = 0
        self._failed_chunk = -1
        self._inbox = Inbox()
        self._tracks = Tracks(self.chunk_s, 1 / settings.fps, settings.tracks)
        self._acks = Acks()
        self._making: dict[int, MadeChunk] = {}
        self._due = self._ready_at = NEVER
        """when the next chunk is wanted, and since when it could be made but for others"""
        self._waited_s = 0.0

    # ---- phases

    def enter(self, phase: Phase) -> None:
        """Moves to another phase; raises RuntimeError for a way that does not exist."""
        if phase not in NEXT[self.phase]:
            raise RuntimeError(f"session {self.id} cannot go from {self.phase} to {phase}")
        self.phase = phase

    @property
    def alone(self) -> bool:
        """Whether the next chunk has failed before, so that it is made in a batch of its own."""
        return self.failures > 0 and self._failed_chunk == self.chunk

    @property
    def upcoming(self) -> int:
        """The next chunk whose controls are still open."""
        return len(self.journal)

    # ---- from the client

    def accept(self, control: Control, capabilities: dict[str, Any], now: float) -> int:
        """Takes a control; returns the chunk expected to show it. Raises ProtocolError."""
        if control.id is not None and control.id <= self.last_id:
            raise ProtocolError(
                ErrorCode.ID_NOT_INCREASING,
                f"id {control.id} is not larger than the last one, {self.last_id}: ids must grow",
                field="id",
                id=control.id,
            )
        _check_capability(control, capabilities)
        self._tracks.check(control)
        self._inbox.put(control, now)
        self._tracks.accept(control)
        if control.id is not None:
            self.last_id = control.id
        return self.upcoming

    def resume(self) -> None:
        """Goes on after a pause."""
        self.paused, self.steps_left, self.stepping = False, 0, False
        self.pacer.restart(self.frame / self.settings.fps)

    def pause(self) -> None:
        """Makes no new chunk."""
        self.paused, self.steps_left, self.stepping = True, 0, False

    def step(self, chunks: int, id: int | None) -> None:
        """While paused: makes so many chunks; raises ProtocolError when not paused."""
        if not self.paused:
            raise ProtocolError(
                ErrorCode.NOT_PAUSED, "session.step is for a paused session: pause it first", id=id
            )
        self.steps_left, self.step_id, self.stepping = chunks, id, True
        self.pacer.restart(self.frame / self.settings.fps)

    def check_made(self, chunk: int, id: int | None = None) -> None:
        """Raises ProtocolError when the client has not got all of `chunk` yet."""
        made = self.frame // self.chunk_frames
        if chunk >= made:
            raise ProtocolError(
                ErrorCode.REWIND_OUT_OF_RANGE,
                f"chunk {chunk} is not made yet: {made} chunks are, counted from 0",
                field="chunk",
                id=id,
            )

    def cut(self, chunks: int) -> list[int]:
        """Forgets everything from chunk `chunks` on; returns ids of controls that will never be shown."""
        self.journal.truncate(chunks)
        self.epoch += 1
        self.steps_left, self.stepping = 0, False
        self.frame = chunks * self.chunk_frames
        self.encode_from = chunks
        self.snapshots = {chunk: path for chunk, path in self.snapshots.items() if chunk < chunks}
        self._tracks.cut(chunks)
        self._making.clear()
        lost = self._acks.cut(self.frame) + [id for waiting in self._inbox.drain() for id in waiting.ids]
        self.pacer.restart(self.frame / self.settings.fps)
        self.want_key = self.discontinuity = True
        self._ready_at = NEVER
        return lost

    def continue_from(self, frame: int, recorded: int | None) -> None:
        """A client comes back that has every frame before `frame`; chunks up to `recorded` are on disk."""
        self.frame = frame
        self.encode_from = frame // self.chunk_frames
        if recorded is not None:  # a chunk that the recording lacks is encoded again, for the recording
            self.encode_from = min(self.encode_from, max(recorded, self.first_chunk))
        self.pacer.restart(frame / self.settings.fps)

    def restored(self, chunk: int, controls: tuple[Control, ...]) -> None:
        """Another process made this session up to here: `controls` are those of `chunk` in the journal."""
        self._tracks.restored(controls, chunk)
        self.last_id = max([self.last_id, *(each.id for each in controls if each.id is not None)])

    def seal(self) -> None:
        """The server stops: what waits becomes the next chunk's, so that the journal holds it."""
        waiting = self._inbox.drain()
        if waiting:
            seen, held = self._tracks.place(waiting, self.upcoming)
            self.journal.append(tuple(each.control for each in seen + held))

    def reseed(self, seed: int) -> None:
        """Another seed for the next start."""
        self.settings = replace(self.settings, seed=seed)

    # ---- towards the worker

    def unseat(self) -> None:
        """The worker, or the seat, is gone: the state has to be made again elsewhere."""
        if self.phase is not Phase.WAITING:
            self.enter(Phase.WAITING)
        self.epoch += 1
        self._making.clear()
        self.want_key = self.discontinuity = True
        self._ready_at = NEVER

    def failed(self) -> bool:
        """The chunk under way failed. True when it has failed too often."""
        if self._failed_chunk != self.chunk:
            self._failed_chunk, self.failures = self.chunk, 0
        self.failures += 1
        return self.failures >= MAX_FAILURES

    def open_order(self) -> ipc.Open:
        """Asks the worker for a seat, from the newest snapshot that is not too new."""
        self.enter(Phase.OPENING)
        usable = [chunk for chunk in self.snapshots if chunk < self.encode_from]
        snapshot = self.snapshots[max(usable)] if usable else None
        return ipc.Open(self.id, self.epoch, self.settings, str(self.codec), snapshot)

    def opened(self, chunk: int) -> None:
        """The worker's state stands before `chunk`."""
        self.chunk = chunk
        self.opening_failures = 0
        self.enter(Phase.READY)

    def due(self, now: float) -> float | None:
        """When the next chunk should be started; None when none is wanted."""
        if self.phase is not Phase.READY:
            return None
        if self.chunk < len(self.journal):
            return URGENT  # known already, and somebody waits for what comes after
        if self.paused and self.steps_left == 0:
            return None
        self._due = self.pacer.due(self.chunk * self.chunk_s, now)
        return self._due

    def take(self, save: str | None, jpeg: bool, now: float) -> ipc.StepItem:
        """The next chunk as an order; its controls are fixed from here on."""
        self.enter(Phase.STEPPING)
        chunk = self.chunk
        self._waited_s = max(0.0, now - max(self._due, self._ready_at))
        if chunk < len(self.journal):
            controls = self.journal.controls(chunk)
        else:
            controls = self._drain(chunk, now)
            self.journal.append(controls)
            if self.steps_left > 0:
                self.steps_left -= 1
        mute = chunk < self.encode_from
        keys: tuple[int, ...] = ()
        if not mute and self.want_key:
            offset = max(0, self.frame - chunk * self.chunk_frames)  # the first frame that the client gets
            self.want_key = offset >= self.chunk_frames
            keys = (0,) if self.want_key or offset == 0 else (0, offset)
        return ipc.StepItem(
            self.id, self.epoch, chunk, controls, mute, keys, jpeg and not mute, None if mute else save
        )

    def _drain(self, chunk: int, now: float) -> tuple[Control, ...]:
        seen, held = self._tracks.place(self._inbox.drain(), chunk, self.pacer.on_screen(now))
        self._inbox.hold(held)
        for waiting in seen:
            self._acks.saw(waiting, chunk)
        return tuple(waiting.control for waiting in seen)

    # ---- from the worker

    def made(self, made: ipc.Made, now: float) -> Outgoing:
        """The forward pass of the chunk under way is done."""
        self.enter(Phase.READY)
        self.chunk = made.chunk + 1
        self._due, self._ready_at = NEVER, now
        out = Outgoing()
        if made.mute:
            return out
        shown = self._acks.made(made.chunk, made.first_frame, made.frames, made.applied)
        self._making[made.chunk] = MadeChunk(made, shown, queue_ms=self._waited_s * 1e3)
        out.messages += [Notice(code=each.code, message=each.message, id=each.id) for each in made.notices]
        return out

    def encoded(self, encoded: ipc.Encoded) -> Outgoing:
        """One frame is encoded. Frames that the client has already are not sent again."""
        making = self._making[encoded.chunk]
        making.encode_ms += encoded.encode_ms
        out = Outgoing()
        for shown in [each for each in making.shown if each.frame <= encoded.frame]:
            making.shown.remove(shown)
            out.measured.append(shown)
            out.messages.append(ControlApplied(id=shown.id, chunk=encoded.chunk, frame=shown.frame))
        if encoded.frame >= self.frame:
            out.packet = self._packet(encoded)
            self.frame = encoded.frame + 1
        return out

    def finished(self, chunk: int) -> list[Message]:
        """All frames of the chunk are on their way: what to say about it."""
        making = self._making.pop(chunk)
        made = making.made
        self.encode_from = chunk + 1
        messages: list[Message] = [
            ChunkDone(
                chunk=chunk,
                first_frame=made.first_frame,
                frames=made.frames,
                pts=made.first_frame / self.settings.fps,
                generate_ms=round(made.denoise_ms or made.step_ms, 2),
                decode_ms=round(made.decode_ms, 2),
                encode_ms=round(making.encode_ms, 2),
                queue_ms=round(making.queue_ms, 2),
                prompt=made.prompt,
            )
        ]
        if self.stepping and self.steps_left == 0 and chunk + 1 == self.upcoming:
            messages.append(SessionPaused(id=self.step_id, chunk=chunk + 1))
            self.stepping = False
        return messages

    def still(self, frame: int, payload: bytes) -> Packet:
        """A frame that was made, as a key frame of its own for one who joins."""
        pts_us = round(frame * 1e6 / self.settings.fps)
        flags, shown = Flag.KEY | Flag.LAST_OF_CHUNK, self._acks.shown_by(frame)
        return Packet(frame // self.chunk_frames, frame, pts_us, self.codec, payload, flags, shown)

    def _packet(self, encoded: ipc.Encoded) -> Packet:
        flags = NO_FLAGS
        if encoded.key:
            flags |= Flag.KEY
        if encoded.last:
            flags |= Flag.LAST_OF_CHUNK
        if self.discontinuity:
            flags |= Flag.DISCONTINUITY
            self.discontinuity = False
        pts_us = round(encoded.frame * 1e6 / self.settings.fps)
        shown = self._acks.shown_by(encoded.frame)
        return Packet(encoded.chunk, encoded.frame, pts_us, self.codec, encoded.payload, flags, shown)


_NEEDED = {PromptSet: "text", CameraSet: "camera"}


def _check_capability(control: Control, capabilities: dict[str, Any]) -> None:
    needed = control.kind if isinstance(control, TrackBegin) else _NEEDED.get(type(control))
    if needed is not None and not capabilities.get(needed):
        can = ", ".join(sorted(name for name, value in capabilities.items() if value is True))
        raise ProtocolError(
            ErrorCode.UNSUPPORTED,
            f"this model cannot do {needed}: it can do {can}",
            field="type",
            id=control.id,
        )
