"""From made chunks to packets: which frames the client gets, with which flags, and what each of them shows first. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.pipelines.requests import is_followed
from flowbrush.protocol import ChunkDone, Codec, ControlApplied, TrackHeld
from flowbrush.server.delivery.mp4 import Sample
from flowbrush.server.engine import ipc
from flowbrush.server.sessions.acks import Acks, Shown
from flowbrush.server.sessions.effects import Count, Record, Say, Show, ShowJpeg


@dataclass
class _Making:
    """A chunk whose pictures are there, and whose packets are on their way."""

    made: ipc.Made
    shown: list[Shown]
    queue_ms: float
    encode_ms: float = 0.0
    samples: list[Sample] = field(default_factory=list)


class Output:
    """Where the stream stands for the one who looks at it."""

    def __init__(self, chunk_frames: int, fps: float, codec: Codec) -> None:
        self.chunk_frames, self.fps, self.codec = chunk_frames, fps, codec
        self.acks = Acks()
        self.frame = 0
        """the next frame that the client gets"""
        self.most: int | None = 0
        """so many frames the client may have had; None: an earlier process sent them, and has not said how many"""
        self.encode_from = 0
        """chunks before this one are only made to get the state back"""
        self.want_key = True
        self.discontinuity = False
        self._keyed = False
        """whether the chunk that was ordered last has key frames"""
        self._making: dict[int, _Making] = {}

    @property
    def pts(self) -> float:
        """The media time of the next frame (seconds)."""
        return self.frame / self.fps

    @property
    def chunks(self) -> int:
        """Chunks that the client has got all of."""
        return self.frame // self.chunk_frames

    def jump(self) -> None:
        """What follows does not build on what was sent."""
        self._making.clear()
        self.want_key = self.discontinuity = True

    def cut(self, chunks: int) -> list[int]:
        """Only the first `chunks` chunks ever were; returns the ids of controls that waited for their frame."""
        self.frame = chunks * self.chunk_frames
        self.encode_from = chunks
        self.jump()
        return self.acks.cut(self.frame)

    def continue_from(self, frame: int, recorded: int | None) -> None:
        """A client comes back that has every frame before `frame`; chunks before `recorded` are on disk (None: none is)."""
        self.frame = frame
        self.encode_from = frame // self.chunk_frames
        if recorded is not None:  # a chunk that the recording lacks is encoded again, for the recording
            self.encode_from = min(self.encode_from, recorded)

    def keys(self, chunk: int) -> tuple[int, ...]:
        """Offsets of the frames of a chunk that are to be key frames."""
        self._keyed = self.want_key
        if not self.want_key:
            return ()
        offset = max(0, self.frame - chunk * self.chunk_frames)  # the first frame that the client gets
        self.want_key = offset >= self.chunk_frames
        return (0,) if self.want_key or offset == 0 else (0, offset)

    def not_made(self) -> None:
        """The chunk that was ordered last was not made: its key frames are still to come."""
        self.want_key |= self._keyed

    def made(self, made: ipc.Made, queue_ms: float) -> list[Any]:
        """The pictures of a chunk are there."""
        if made.replay_only:
            return [Count("replayed")]
        shown = self.acks.made(made.chunk, made.first_frame, made.frames, made.applied)
        self._making[made.chunk] = _Making(made, shown, queue_ms)
        effects: list[Any] = [
            Say(TrackHeld(track=track, region=region))
            for track, region in made.held
            if not is_followed(track)
        ]
        return [
            *effects,
            Count("chunks"),
            Count("stage", made.denoise_ms / 1e3, "generate"),
            Count("stage", made.decode_ms / 1e3, "decode"),
        ]

    def encoded(self, encoded: ipc.Encoded, began: float, rate: float = 1.0) -> list[Any]:
        """One frame of a chunk that was `began` then is encoded. What the client has already is not sent again.

        `rate` is the share of real time at which chunks are made now.
        """
        making = self._making.get(encoded.chunk)
        if making is None:
            return []
        making.encode_ms += encoded.encode_ms
        making.samples.append(Sample(encoded.payload, encoded.key))
        effects: list[Any] = []
        measured = []
        for shown in [each for each in making.shown if each.frame <= encoded.frame]:
            making.shown.remove(shown)
            if shown.since is not None:
                measured.append(shown.since)
            effects.append(Say(ControlApplied(id=shown.id, chunk=encoded.chunk, frame=shown.frame)))
        if encoded.frame >= self.frame:
            effects.append(Show(self._packet(encoded), began, tuple(measured)))
            self.frame = encoded.frame + 1
            self.most = max(self.most or 0, self.frame)
        if encoded.jpeg is not None:
            effects.append(ShowJpeg(encoded.jpeg))
        if encoded.last:
            effects += self._finished(encoded, rate)
        return effects

    def _finished(self, encoded: ipc.Encoded, rate: float) -> list[Any]:
        making = self._making.pop(encoded.chunk)
        made = making.made
        self.encode_from = encoded.chunk + 1
        done = ChunkDone(
            chunk=encoded.chunk,
            first_frame=made.first_frame,
            frames=made.frames,
            pts=made.first_frame / self.fps,
            generate_ms=round(made.denoise_ms or made.step_ms, 2),
            decode_ms=round(made.decode_ms, 2),
            encode_ms=round(making.encode_ms, 2),
            queue_ms=round(making.queue_ms, 2),
            prompt=made.prompt,
            rate=None if rate == 1.0 else rate,
        )
        return [
            Record(encoded.chunk, encoded.frame - len(making.samples) + 1, tuple(making.samples)),
            Say(done, all=True),
            Count("stage", making.encode_ms / 1e3, "encode"),
        ]

    def still(self, frame: int, payload: bytes) -> Packet:
        """A frame that was made, as a key frame of its own for one who joins."""
        pts_us = round(frame * 1e6 / self.fps)
        flags, shown = Flag.KEY | Flag.LAST_OF_CHUNK, self.acks.shown_by(frame)
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
        pts_us = round(encoded.frame * 1e6 / self.fps)
        shown = self.acks.shown_by(encoded.frame)
        return Packet(encoded.chunk, encoded.frame, pts_us, self.codec, encoded.payload, flags, shown)
