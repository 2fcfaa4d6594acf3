"""Media packets: one encoded frame behind a 32-byte little-endian header."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.messages import Codec

HEADER_VERSION = 1
HEADER_BYTES = 32
_HEADER = struct.Struct("<BBBBIIIQII")


class Flag(IntFlag):
    """Bits of the flags byte."""

    KEY = 1
    LAST_OF_CHUNK = 2
    DISCONTINUITY = 4  # first frame after a rewind, reset, recovery, or after stale frames were skipped


NO_FLAGS = Flag(0)


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded frame. `control_id` is the id of the last control that it shows (0: none yet).

    `pts_us` is the media time in microseconds, `age_us` the time from the start of its chunk's generation
    to sending.
    """

    chunk: int
    frame: int
    pts_us: int
    codec: Codec
    payload: bytes
    flags: Flag = NO_FLAGS
    control_id: int = 0
    age_us: int = 0

    @property
    def pts(self) -> float:
        """Media time in seconds."""
        return self.pts_us / 1e6

    @property
    def key(self) -> bool:
        return Flag.KEY in self.flags

    @property
    def last_of_chunk(self) -> bool:
        return Flag.LAST_OF_CHUNK in self.flags

    @property
    def discontinuity(self) -> bool:
        return Flag.DISCONTINUITY in self.flags


def pack(packet: Packet) -> bytes:
    """Header and payload; raises ProtocolError when a number does not fit into its field."""
    try:
        header = _HEADER.pack(
            HEADER_VERSION,
            packet.flags,
            packet.codec.number,
            0,
            packet.chunk,
            packet.frame,
            packet.control_id,
            packet.pts_us,
            packet.age_us,
            len(packet.payload),
        )
    except struct.error as error:
        raise ProtocolError(ErrorCode.OUT_OF_RANGE, f"packet header: {error}") from None
    return header + packet.payload


def unpack(data: bytes | bytearray | memoryview) -> Packet:
    """The packet in `data`, which must be exactly one; raises ProtocolError."""
    if len(data) < HEADER_BYTES:
        raise _bad(f"{len(data)} bytes are too few: the header alone has {HEADER_BYTES}")
    version, flags, codec, zero, chunk, frame, control_id, pts_us, age_us, length = _HEADER.unpack_from(data)
    if version != HEADER_VERSION:
        raise _bad(f"header version {version}: expected {HEADER_VERSION}")
    if flags & ~7 or zero:
        raise _bad(f"flags {flags:#04x} and reserved byte {zero}: expected only bits 0 to 2, and 0")
    if length != len(data) - HEADER_BYTES:
        raise _bad(f"the header says {length} bytes of payload, there are {len(data) - HEADER_BYTES}")
    try:
        known = Codec.from_number(codec)
    except ValueError as error:
        raise _bad(str(error)) from None
    payload = bytes(data[HEADER_BYTES:])
    return Packet(chunk, frame, pts_us, known, payload, Flag(flags), control_id, age_us)


def _bad(message: str) -> ProtocolError:
    return ProtocolError(ErrorCode.INVALID_VALUE, f"media packet: {message}")
