"""Fragmented MP4 (ISO 14496-12): a header, then one fragment per chunk. Pure functions from bytes to bytes.

Every fragment stands on its own, so a file can be read while it grows and be cut after any chunk, which
is what a rewind needs and what a muxer library does not offer. Frames are stored as they were encoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flowbrush.protocol import Codec

TIMESCALE = 90_000
_KEY, _NOT_KEY = 0x02000000, 0x01010000


@dataclass(frozen=True)
class Sample:
    """One encoded frame, as the encoder gave it."""

    payload: bytes
    key: bool


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box with its size in front."""
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def header(codec: Codec, width: int, height: int, first: bytes) -> bytes:
    """`ftyp` and `moov`. `first` is the first key frame, which holds the codec's own settings."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    mvhd = full(
        b"mvhd",
        0,
        0,
        struct.pack(">IIIIIH10x", 0, 0, TIMESCALE, 0, 0x10000, 0x100),
        matrix,
        bytes(24),
        b"\0\0\0\2",
    )
    tkhd = full(
        b"tkhd",
        0,
        3,
        struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, 0, 0, 0, 0, 0),
        matrix,
        struct.pack(">II", width << 16, height << 16),
    )
    mdhd = full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, 0x55C4, 0))
    hdlr = full(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"video\0")
    dinf = box(b"dinf", full(b"dref", 0, 0, struct.pack(">I", 1), full(b"url ", 0, 1)))
    stsd = full(b"stsd", 0, 0, struct.pack(">I", 1), _sample_entry(codec, width, height, first))
    empty = (full(b"stts", 0, 0, bytes(4)), full(b"stsc", 0, 0, bytes(4)))
    sizes = (full(b"stsz", 0, 0, bytes(8)), full(b"stco", 0, 0, bytes(4)))
    stbl = box(b"stbl", stsd, *empty, *sizes)
    minf = box(b"minf", full(b"vmhd", 0, 1, bytes(8)), dinf, stbl)
    trak = box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))
    mvex = box(b"mvex", full(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0)))
    brands = b"isom" + struct.pack(">I", 512) + b"isomiso5iso6mp41"
    return box(b"ftyp", brands) + box(b"moov", mvhd, trak, mvex)


def fragment(codec: Codec, number: int, first_frame: int, fps: float, samples: Sequence[Sample]) -> bytes:
    """`moof` and `mdat` of one chunk; `first_frame` is its first frame's index in the stream."""
    payloads = [_stored(codec, sample.payload) for sample in samples]
    times = [round((first_frame + index) * TIMESCALE / fps) for index in range(len(samples) + 1)]
    rows = b"".join(
        struct.pack(">III", times[i + 1] - times[i], len(payloads[i]), _KEY if samples[i].key else _NOT_KEY)
        for i in range(len(samples))
    )

    def moof(data_offset: int) -> bytes:
        traf = box(
            b"traf",
            full(b"tfhd", 0, 0x020000, struct.pack(">I", 1)),
            full(b"tfdt", 1, 0, struct.pack(">Q", times[0])),
            full(b"trun", 0, 0x000701, struct.pack(">Ii", len(samples), data_offset), rows),
        )
        return box(b"moof", full(b"mfhd", 0, 0, struct.pack(">I", number)), traf)

    return moof(len(moof(0)) + 8) + box(b"mdat", *payloads)


# Places in a fragment as `fragment` writes it: in mfhd its number, in tfdt its time, in trun the first sample's flags.
_NUMBER, _TIME, _FLAGS = 20, 60, 96


def number_of(data: bytes) -> int:
    """The number of a fragment, from its first bytes."""
    return int(struct.unpack_from(">I", data, _NUMBER)[0])


def begins_at(data: bytes) -> int:
    """The time of a fragment's first frame, in units of the time scale."""
    return int(struct.unpack_from(">Q", data, _TIME)[0])


def begins_with_key(data: bytes) -> bool:
    """Whether a fragment's first frame is a key frame."""
    return bool(struct.unpack_from(">I", data, _FLAGS)[0] == _KEY)


def moved(data: bytes, number: int, begin: int) -> bytes:
    """The fragment with another number, its time counted from `begin`."""
    changed = bytearray(data)
    struct.pack_into(">I", changed, _NUMBER, number)
    struct.pack_into(">Q", changed, _TIME, begins_at(data) - begin)
    return bytes(changed)


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in `data` one after the other: kind, offset, size. Stops at one that is incomplete."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            return
        yield kind, at, size
        at += size


def _sample_entry(codec: Codec, width: int, height: int, first: bytes) -> bytes:
    kind, settings = _SETTINGS[codec](first)
    name = b"flowbrush"
    visual = struct.pack(">6xH16xHHIIIH", 1, width, height, 0x480000, 0x480000, 0, 1)
    label = bytes([len(name)]) + name.ljust(31, b"\0")
    colour = box(b"colr", b"nclx", struct.pack(">HHHB", 1, 1, 1, 0))
    extra = settings + (b"" if codec is Codec.JPEG else colour)
    return box(kind, visual, label, struct.pack(">Hh", 24, -1), extra)


def _h264(first: bytes) -> tuple[bytes, bytes]:
    units = list(annex_b_units(first))
    sps = next(unit for unit in units if unit[0] & 31 == 7)
    pps = next(unit for unit in units if unit[0] & 31 == 8)
    record = bytes([1, *sps[1:4], 0xFF, 0xE1]) + struct.pack(">H", len(sps)) + sps
    return b"avc1", box(b"avcC", record + b"\1" + struct.pack(">H", len(pps)) + pps)


def _vpx(kind: bytes) -> tuple[bytes, bytes]:
    return kind, full(b"vpcC", 1, 0, struct.pack(">BBBBBBH", 0, 30, 8 << 4 | 1 << 1, 1, 1, 1, 0))


def _av1(first: bytes) -> tuple[bytes, bytes]:
    sequence = next((obu for kind, obu in _obus(first) if kind == 1), b"")
    payload = _obu_payload(sequence)
    profile, level = payload[0] >> 5, 8
    return b"av01", box(b"av1C", bytes([0x81, profile << 5 | level, 0x0C, 0]), sequence)


_SETTINGS: dict[Codec, Callable[[bytes], tuple[bytes, bytes]]] = {
    Codec.H264: _h264,
    Codec.VP8: lambda first: _vpx(b"vp08"),
    Codec.VP9: lambda first: _vpx(b"vp09"),
    Codec.AV1: _av1,
    Codec.JPEG: lambda first: (b"jpeg", b""),
}


def _stored(codec: Codec, payload: bytes) -> bytes:
    if codec is Codec.H264:
        return b"".join(
            struct.pack(">I", len(unit)) + unit
            for unit in annex_b_units(payload)
            if unit[0] & 31 not in (7, 8, 9)
        )
    if codec is Codec.AV1:
        return b"".join(obu for kind, obu in _obus(payload) if kind != 2)
    return payload


def annex_b_units(data: bytes) -> Iterator[bytes]:
    """The NAL units between the start codes of an Annex B stream."""
    start = data.find(b"\0\0\1")
    while start >= 0:
        end = data.find(b"\0\0\1", start + 3)
        unit = data[start + 3 : end if end >= 0 else len(data)]
        if end >= 0:
            unit = unit.rstrip(b"\0")
        if unit:
            yield unit
        start = end


def _obus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """AV1 units with their sizes: (type, the whole unit)."""
    at = 0
    while at < len(data):
        head = data[at]
        body = at + 1 + (head >> 2 & 1)
        size, body = _leb128(data, body) if head & 2 else (len(data) - body, body)
        yield head >> 3 & 15, data[at : body + size]
        at = body + size


def _obu_payload(obu: bytes) -> bytes:
    body = 1 + (obu[0] >> 2 & 1) if obu else 0
    return obu[_leb128(obu, body)[1] :] if obu and obu[0] & 2 else obu[body:] or b"\0"


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
