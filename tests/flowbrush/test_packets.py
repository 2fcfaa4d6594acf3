"""Media packets: what is packed comes back, and nothing else is taken."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbrush.messages import Codec
from flowbrush.packets import HEADER_BYTES, Flag, Packet, pack, unpack
from flowbrush.protocol import ProtocolError

u32 = st.integers(0, 2**32 - 1)
any_packet = st.builds(
    Packet,
    chunk=u32,
    frame=u32,
    pts_us=st.integers(0, 2**64 - 1),
    codec=st.sampled_from(list(Codec)),
    payload=st.binary(max_size=64),
    flags=st.integers(0, 7).map(Flag),
    control_id=u32,
    age_us=u32,
)


@given(any_packet)
def test_a_packet_comes_back_as_it_went(packet: Packet) -> None:
    assert unpack(pack(packet)) == packet


def test_the_header_lies_as_the_contract_says() -> None:
    packet = Packet(5, 21, 1_312_500, Codec.VP9, b"abc", Flag.KEY | Flag.DISCONTINUITY, 9, 700)
    assert pack(packet) == struct.pack("<4B3IQ2I", 1, 5, 3, 0, 5, 21, 9, 1_312_500, 700, 3) + b"abc"
    assert packet.key and packet.discontinuity and not packet.last_of_chunk and packet.pts == 1.3125


@given(st.binary(max_size=80))
def test_junk_is_refused_and_never_anything_else(data: bytes) -> None:
    try:
        assert pack(unpack(data)) == data
    except ProtocolError as error:
        assert "media packet" in error.message


@pytest.mark.parametrize(
    ("offset", "value", "match"),
    [
        (0, 2, "version 2"),
        (1, 8, "flags"),
        (2, 5, "codec number 5"),
        (3, 1, "reserved"),
        (28, 9, "9 bytes of payload"),
    ],
)
def test_a_wrong_header_field_is_named(offset: int, value: int, match: str) -> None:
    data = bytearray(pack(Packet(0, 0, 0, Codec.JPEG, b"abc")))
    data[offset] = value
    with pytest.raises(ProtocolError, match=match):
        unpack(data)


@given(any_packet, st.integers(0, 100))
def test_a_cut_packet_is_refused(packet: Packet, cut: int) -> None:
    data = pack(packet)
    if cut < len(data):
        with pytest.raises(ProtocolError):
            unpack(data[:cut])


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ProtocolError, match="header"):
        pack(Packet(2**32, 0, 0, Codec.JPEG, b""))
    assert HEADER_BYTES == 32
