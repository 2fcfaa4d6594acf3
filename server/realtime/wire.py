"""A session as vLLM-Omni's clients hear and see it: their messages, and a fragment of MP4 for each chunk. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowbrush.packets import Packet
from flowbrush.protocol import Error, Message, Pong, SessionDone
from flowbrush.server.delivery import mp4
from flowbrush.server.delivery.delivery import Media
from flowbrush.server.realtime.server_messages import (
    ChunkMetadata,
    Done,
    Failure,
    InteractionQueued,
    SessionPong,
    VideoStart,
)
from flowbrush.server.realtime.timeline import Timeline

COMPLETED = "completed"
"""Why a session ended that has sent what it was asked for."""

OWN = (VideoStart, InteractionQueued, Failure)


class Mp4Wire:
    """What is sent for each thing in a connection's box.

    The video's times are contiguous: of a client that was too slow and lost frames, those it has follow each other.
    """

    def __init__(
        self,
        session: str,
        size: tuple[int, int],
        fps: float,
        frames: int | None,
        timeline: Timeline,
        complete: Callable[[], Any],
    ) -> None:
        """`complete`, which may be another later, is called when `frames` frames are on their way; with None the video has no end
        of its own.
        """
        self._session, self._size, self._fps = session, size, fps
        self._frames, self._timeline, self.complete = frames, timeline, complete
        self._held: list[Packet] = []
        self._sent = self._payloads = 0
        self._completed = False

    def __call__(self, item: Message | Media) -> list[str | bytes]:
        """Texts, and each payload right behind its metadata."""
        if isinstance(item, Media):
            return self._show(item.packet)
        told = self._told(item)
        return [] if told is None else [told.to_json()]

    def _told(self, message: Message) -> Message | None:
        """The message in this language; None for what it has no word for."""
        match message:
            case Pong():
                return SessionPong()
            case Error():
                return Failure(
                    code=message.code,
                    message=message.message,
                    request_id=self._session,
                    retry_after_s=message.retry_after_s,
                )
            case SessionDone():
                return Done(
                    request_id=self._session,
                    chunks=self._payloads,
                    stopped=message.reason != COMPLETED,
                    reason=message.reason,
                    recording=message.recording,
                    log=message.log,
                )
        return message if isinstance(message, OWN) else None

    def _show(self, packet: Packet) -> list[str | bytes]:
        ready = [] if self._finished else self._take(packet)
        if self._finished and packet.last_of_chunk and not self._completed:  # a chunk is recorded as a whole
            self._completed = True
            self.complete()
        return ready

    def _take(self, packet: Packet) -> list[str | bytes]:
        ready: list[str | bytes] = []
        if self._held and packet.frame != self._held[-1].frame + 1:  # the rest of that chunk was dropped
            ready += self._payload()
        self._held.append(packet)
        if packet.last_of_chunk or self._sent + len(self._held) == self._frames:
            ready += self._payload()
        return ready

    @property
    def _finished(self) -> bool:
        return self._frames is not None and self._sent >= self._frames

    def _payload(self) -> list[str | bytes]:
        """Metadata and fragment of what is held; the first one brings the file's header."""
        held, self._held = self._held, []
        samples = [mp4.Sample(packet.payload, packet.key) for packet in held]
        data = mp4.fragment(held[0].codec, self._payloads + 1, self._sent, self._fps, samples)
        if self._payloads == 0:
            data = mp4.header(held[0].codec, *self._size, held[0].payload) + data
        shown = self._timeline.shown(held[-1].control_id)
        metadata = ChunkMetadata(
            request_id=self._session,
            transport_chunk_index=self._payloads,
            generation_chunk_index=held[0].chunk,
            num_frames=len(held),
            byte_length=len(data),
            started_event_ids=shown.started,
            active_event_ids=shown.active,
            completed_event_ids=shown.completed,
        )
        self._payloads += 1
        self._sent += len(held)
        return [metadata.to_json(), data]
