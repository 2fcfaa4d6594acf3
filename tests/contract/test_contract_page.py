"""The page's JavaScript reads the packets and knows the constants of the Python side."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flowbrush import limits, packets
from flowbrush import protocol as p
from flowbrush.packets import Flag, Packet, pack

PROTOCOL_JS = Path(__file__).resolve().parents[2] / "web" / "protocol.js"
READ = """
const page = await import(process.argv[1]);
const read = process.argv.slice(2).map((hex) => {
  try {
    const packet = page.parsePacket(new Uint8Array(Buffer.from(hex, 'hex')).buffer);
    return { ...packet, payload: Buffer.from(packet.payload).toString('hex') };
  } catch (error) { return error.name; }
});
console.log(JSON.stringify({ constants: { ...page }, read }));
"""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def in_page(*data: bytes) -> dict[str, Any]:
    command = [
        "node",
        "--input-type=module",
        "-e",
        READ,
        PROTOCOL_JS.as_uri(),
        *(each.hex() for each in data),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(run.stdout)


def test_the_page_reads_every_field_of_a_packet() -> None:
    sent = [
        Packet(7, 31, 1_937_500, p.Codec.AV1, b"\x00abc\xff", Flag.KEY | Flag.DISCONTINUITY, 12, 250_000),
        Packet(2**32 - 1, 2**32 - 1, 10**15, p.Codec.JPEG, b"", Flag.LAST_OF_CHUNK, 2**32 - 1, 2**32 - 1),
    ]
    for packet, read in zip(sent, in_page(*map(pack, sent))["read"], strict=True):
        assert read == {
            "key": packet.key,
            "last": packet.last_of_chunk,
            "discontinuity": packet.discontinuity,
            "codec": packet.codec.value,
            "chunk": packet.chunk,
            "frame": packet.frame,
            "control": packet.control_id,
            "pts": pytest.approx(packet.pts),
            "ageMs": pytest.approx(packet.age_us / 1e3),
            "payload": packet.payload.hex(),
        }


def test_the_page_refuses_what_python_refuses() -> None:
    good = pack(Packet(0, 0, 0, p.Codec.H264, b"abc"))
    bad = [good[:31], b"\x02" + good[1:], good[:2] + b"\x09" + good[3:], good + b"x", good[:-1]]
    for data in bad:
        with pytest.raises(p.ProtocolError):
            packets.unpack(data)
    assert in_page(*bad)["read"] == ["RangeError"] * len(bad)


def test_the_constants_agree() -> None:
    page = in_page()["constants"]
    assert page["SUBPROTOCOL"] == p.SUBPROTOCOL
    assert (page["HEADER_BYTES"], page["HEADER_VERSION"]) == (packets.HEADER_BYTES, packets.HEADER_VERSION)
    assert (page["FLAG_KEY"], page["FLAG_LAST"], page["FLAG_DISCONTINUITY"]) == tuple(packets.Flag)
    assert page["CODECS"] == [codec.value for codec in p.Codec]
    assert page["MAX_POINTS"] <= limits.MAX_POINTS
    assert (page["COORDINATE_MIN"], page["COORDINATE_MAX"]) == (limits.MIN_COORDINATE, limits.MAX_COORDINATE)
