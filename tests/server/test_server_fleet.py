"""Two gateways with a seat each, one state folder and one queue; their workers are processes of this machine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import stat
import time
import urllib.error
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from PIL import Image
from raw_client import RawClient, decode, decode_file
from realtime_client import RealtimeClient
from running_server import RunningServer, kill_group, wait_for
from server_generator import prompt_code, read
from websockets.exceptions import ConnectionClosed, InvalidStatus

from flowbrush.packets import Flag, Packet, pack
from flowbrush.protocol import Codec
from flowbrush.server.http.auth import NotAllowed
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.passes import HEADER, Passes
from flowbrush.server.sessions.fleet import LOOK_S


class LocalGateway(RunningServer):
    """A gateway without Ray."""

    COMMAND = ("-m", "local_gateway")


SETTINGS: Any = {"FLOWBRUSH_CLUSTER": "auto", "FLOWBRUSH_SEATS": "1", "TEST_SOURCE": "1"}
SOURCE = {"codec": "jpeg", "width": 128, "height": 96, "fps": 16, "strength": 1.0}
Pair = tuple[RunningServer, RunningServer]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("gateways")
    with ThreadPoolExecutor(2) as starting:
        both = list(starting.map(lambda _: LocalGateway(folder, **SETTINGS), range(2)))
    wait_for(lambda: len(list((folder / "gateways").glob("*.json"))) == 2)
    yield both[0], both[1]
    for each in both:
        each.stop()
        kill_group(each.process)


def shown(packets: list[Packet]) -> list[Any]:
    return [read(picture)[:3] for picture in decode(packets)]


async def end(client: RawClient) -> None:
    await client.send(type="session.stop")
    await client.message("session.done")


def idle(pair: Pair) -> None:
    wait_for(lambda: all(each.metric("flowbrush_slots_used") == 0 for each in pair))
    time.sleep(0.6)  # until each has heard of it


@asynccontextmanager
async def both_taken(pair: Pair) -> AsyncIterator[tuple[RawClient, RawClient]]:
    """Clients that have the seat of each gateway."""
    await asyncio.to_thread(idle, pair)
    async with RawClient(pair[0].url) as here, RawClient(pair[1].url) as there:
        await here.start("here", seed=1)
        await there.start("there", seed=2)
        await asyncio.sleep(0.6)  # until each has heard of it, and sends nobody to the other
        yield here, there


async def test_who_waits_at_one_gateway_plays_at_the_other_in_the_order_of_arrival(pair: Pair) -> None:
    a, b = pair
    await asyncio.to_thread(idle, pair)
    async with RawClient(a.url) as first, RawClient(a.url) as second, RawClient(a.url) as third:
        await first.start("first", seed=1)
        await second.start("second", seed=2, id=7, paused=True)
        assert second.messages[-1]["id"] == 7
        await second.send(type="prompt.set", id=1, prompts=[{"text": "changed", "weight": 1}])
        await second.message("control.queued", id=1)
        await second.send(type="session.resume")
        await second.count(12)
        assert [packet.frame for packet in second.packets] == list(range(len(second.packets)))
        assert shown(second.packets)[-1][1:] == (2, prompt_code("changed"))
        assert a.metric("flowbrush_relayed") == 1 and b.metric("flowbrush_slots_used") == 1

        await third.send(type="session.start", model="pocket-random", prompt="third", seed=3)
        await third.message("queue", position=1, size=1)
        async with RawClient(b.url) as fourth:
            await asyncio.sleep(0.6)
            await fourth.send(type="session.start", model="pocket-random", prompt="fourth", seed=4)
            await fourth.message("queue", position=2, size=2)
            await end(second)  # the seat at b
            await third.message("session.ready")
            await third.count(8)
            assert shown(third.packets)[0] == (0, 3, prompt_code("third"))
            assert not any(message["type"] == "session.ready" for message in fourth.messages)
            await fourth.message("queue", position=1, size=1)
            await end(first)  # the seat at a
            await fourth.message("session.ready")
            await fourth.count(4)
            assert b.metric("flowbrush_relayed") == 1
            await end(fourth)
        await end(third)


async def test_a_session_is_read_and_watched_at_each_gateway(pair: Pair) -> None:
    a, b = pair
    await asyncio.to_thread(idle, pair)
    async with RawClient(a.url) as client:
        ready = await client.start("read", seed=5)
        await client.count(12)
        path = f"/v1/sessions/{ready['session']}"
        async with RawClient(b.url, f"{path}/watch") as viewer:
            seen = await viewer.message("session.ready")
            await viewer.count(4)
            assert "resume_token" not in seen and viewer.packets[0].key
            assert shown(viewer.packets)[0][1:] == (5, prompt_code("read"))
            state = await asyncio.to_thread(b.json, path)
            assert state["state"] in ("ready", "stepping") and state["viewers"] == 1 and state["connected"]
        log = await asyncio.to_thread(b.json, f"{path}/log")
        assert log["start"]["seed"] == 5
        assert (await asyncio.to_thread(b.get, f"{path}/frame.jpg")).startswith(b"\xff\xd8")
        part = await asyncio.to_thread(b.get, f"{path}/recording.mp4", Range="bytes=4-7")
        assert part == b"ftyp"
        clip = await asyncio.to_thread(b.get, f"{path}/recording.mp4?first=0&last=0&token=x")
        assert [read(picture)[0] for picture in decode_file(clip)] == [0, 1, 2, 3]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await asyncio.to_thread(b.get, "/v1/sessions/nobody")
        await end(client)
        assert (await asyncio.to_thread(b.json, path))["state"] == "done"


async def test_a_client_that_comes_back_to_the_other_gateway_keeps_its_seat(pair: Pair) -> None:
    a, b = pair
    await asyncio.to_thread(idle, pair)
    async with RawClient(a.url) as client:
        ready = await client.start("back", seed=6)
        await client.count(12)
    packets = list(client.packets)
    async with RawClient(b.url) as client:
        last = packets[-1].frame
        token = ready["resume_token"]
        await client.send(type="session.start", model="pocket-random", resume=token, last_frame=last)
        await client.message("session.ready")
        await client.count(12)
        packets += client.packets
        assert b.metric("flowbrush_relayed") == 1 and b.metric("flowbrush_slots_used") == 0
        await end(client)
    assert [packet.frame for packet in packets] == list(range(len(packets))), "none lost, none twice"
    assert shown(packets)[-1] == (len(packets) - 1, 6, prompt_code("back"))


async def test_a_client_of_the_other_protocol_finds_the_free_seat_when_it_comes(pair: Pair) -> None:
    a, b = pair
    await asyncio.to_thread(idle, pair)
    async with RawClient(a.url) as client:
        await client.start("here", seed=1)
        async with RealtimeClient(a) as other:
            await other.start("there")
            assert a.metric("flowbrush_relayed") == 1
            await asyncio.to_thread(wait_for, lambda: b.metric("flowbrush_slots_used") == 1)
        await end(client)


async def test_a_client_of_the_other_protocol_that_waits_plays_at_the_other_gateway(pair: Pair) -> None:
    """What it was told and what it asked for as it waited holds there, and its video has no seam."""
    a, b = pair
    async with both_taken(pair) as (here, there):
        async with RealtimeClient(a) as other:
            started = await other.start("before", seed=9, num_frames=64)
            await other.change("waiting", prompt="asked as it waited")
            await other.text("session.interaction.queued", event_id="waiting")
            assert not other.chunks
            await end(there)
            await other.shows("waiting")
            await asyncio.to_thread(wait_for, lambda: b.metric("flowbrush_slots_used") == 1)
            await other.change("gone", multi_modal_data={"tracks": {"data": {"end": [3]}}})
            refused = await other.text("error")
            assert (refused["code"], refused["event_id"]) == ("unknown_track", "gone")
            await other.change("waiting", prompt="twice")
            assert (await other.text("error"))["code"] == "event_id_conflict"
            await other.change("later", prompt="asked at the other")
            await other.text("session.interaction.queued", event_id="later")
            await other.shows("later")
            await other.send("session.ping")
            await other.text("session.pong")
            done = await other.text("session.done")
            assert await other.close_code() == 1000
        await end(here)
    assert (done["stopped"], done["reason"], done["chunks"]) == (False, "completed", 16)
    assert done["request_id"] == started["request_id"]
    pictures = [read(picture)[:3] for picture in decode_file(other.file)]
    assert [picture[:2] for picture in pictures] == [(n, 9) for n in range(64)]
    assert [each["started_event_ids"] for each in other.chunks if each["started_event_ids"]] == [
        ["waiting"],
        ["later"],
    ]
    path = f"/v1/sessions/{started['request_id']}"
    assert [(await asyncio.to_thread(each.json, path))["reason"] for each in pair] == ["completed"] * 2
    codes = [code for _, _, code in pictures]
    assert codes[0] == prompt_code("asked as it waited") and codes[-1] == prompt_code("asked at the other")
    await asyncio.to_thread(wait_for, lambda: b.metric("flowbrush_slots_used") == 0)


async def test_a_video_goes_on_at_the_other_gateway_in_its_middle_and_ends_with_its_client(
    pair: Pair,
) -> None:
    """Its worker is killed as it plays, and the other gateway has a seat free."""
    a, b = pair
    await asyncio.to_thread(idle, pair)
    async with RealtimeClient(a) as client:
        session = (await client.start("x", seed=4))["request_id"]
        await client.change("early", prompt="y")
        await client.shows("early")
        (worker,) = a.workers()
        os.kill(worker, signal.SIGKILL)
        while b.metric("flowbrush_slots_used") == 0:
            await client.text("video.chunk_metadata")
        await client.change("late", prompt="z")
        await client.shows("late")
        assert a.metric("flowbrush_relayed") == 1
    pictures = [read(picture)[:3] for picture in decode_file(client.file)]
    assert [picture[:2] for picture in pictures] == [(n, 4) for n in range(len(pictures))]
    assert [code for _, _, code in pictures][-1] == prompt_code("z")
    path = f"/v1/sessions/{session}"
    await asyncio.to_thread(wait_for, lambda: b.json(path)["state"] == "done")
    assert (await asyncio.to_thread(b.json, path))["reason"] == "left"


def grey(level: float) -> bytes:
    """A frame of a source: `level` from black, 0, to white, 1."""
    out = io.BytesIO()
    Image.new("L", (128, 96), round(level * 255)).convert("RGB").save(out, "JPEG")
    return pack(Packet(0, 0, 0, Codec.JPEG, out.getvalue(), Flag.KEY))


async def test_a_source_moves_with_its_session_and_the_first_chunk_shows_it(pair: Pair) -> None:
    a, b = pair
    async with both_taken(pair) as (here, there), RawClient(a.url) as client:
        await client.send(type="session.start", model="pocket-random", seed=3, source=SOURCE, prompt="x")
        await client.message("queue")
        await client.socket.send(grey(0.6))
        await end(there)
        await client.message("session.ready")
        await client.count(4)
        await asyncio.to_thread(wait_for, lambda: b.metric("flowbrush_slots_used") == 1)
        await client.socket.send(grey(0.2))
        while abs(read(decode(client.packets)[-1])[3] - 20) > 1:
            await client.count(len(client.packets) + 4)
        await end(client)
        await end(here)
    pictures = [read(picture) for picture in decode(client.packets)]
    assert [picture[:2] for picture in pictures] == [(n, 3) for n in range(len(pictures))]
    assert abs(pictures[0][3] - 60) <= 1, "the frame that came while it waited went along"


def test_a_pass_is_for_one_gateway_one_path_and_a_minute() -> None:
    """By what the gateway that it is for has published: it does so four times a second, and no clock is asked."""
    published = [1000]
    here, there = (Passes(b"s" * 32, name, lambda: published[0]) for name in "ab")
    identity = Identity("key", "10.0.0.1", "viewer", "session", True)
    text = here.write("b", published[0], "GET", "/v1/x", identity)
    found = there.read(text, "GET", "/v1/x", "10.0.0.9")
    assert (found.owner, found.role, found.session, found.hops) == ("key", "viewer", "session", 1)
    assert there.came_from("10.0.0.9") and not here.came_from("10.0.0.9")
    forged = Passes(b"x" * 32, "a").write("b", published[0], "GET", "/v1/x", identity)
    cases = [
        (forged, "GET", "/v1/x"),
        (text, "POST", "/v1/x"),
        (text, "GET", "/v1/y"),
        ("é.ü", "GET", "/v1/x"),
    ]
    for wrong, method, path in [*cases, (text[:-1], "GET", "/v1/x"), ("", "GET", "/v1/x")]:
        with pytest.raises(NotAllowed, match="no pass of a gateway"):
            there.read(wrong, method, path, "10.0.0.9")
    for passes in (here, Passes(b"", "b")):
        with pytest.raises(NotAllowed):
            passes.read(text, "GET", "/v1/x", "10.0.0.9")
    published[0] += round(59.0 / LOOK_S)
    assert there.read(text, "GET", "/v1/x", "10.0.0.9") == found
    published[0] += round(2.0 / LOOK_S)
    with pytest.raises(NotAllowed):
        there.read(text, "GET", "/v1/x", "10.0.0.9")


def test_the_last_thousand_addresses_of_gateways_are_known() -> None:
    """Each restart may give a gateway another one; what was one long ago may be a client's now."""
    here, there = (Passes(b"s" * 32, name) for name in "ab")
    text = here.write("b", 0, "GET", "/v1/x", Identity("key", "10.0.0.1"))
    addresses = [f"10.0.{number >> 8}.{number & 255}" for number in range(1000)]
    for address in [*addresses, addresses[0]]:
        there.read(text, "GET", "/v1/x", address)
    assert all(there.came_from(address) for address in addresses)
    there.read(text, "GET", "/v1/x", "10.1.0.1")
    assert there.came_from("10.1.0.1") and there.came_from(addresses[0])
    assert not there.came_from(addresses[1])


async def test_nobody_else_is_let_in_by_a_pass(pair: Pair) -> None:
    a, _ = pair
    secret = a.state_dir / "gateways" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600 and len(secret.read_bytes()) == 32
    forged = Passes(b"0" * 32, "x").write("y", 0, "GET", "/v1/models", Identity("", "1.2.3.4"))
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        await asyncio.to_thread(a.get, "/v1/models", **{HEADER: forged})
    assert json.loads(refused.value.read())["error"]["code"] == "unauthorized"
    with pytest.raises(InvalidStatus, match="403"):
        async with RawClient(a.url, additional_headers={HEADER: forged}):
            pass
    assert secret.read_bytes().hex() not in a.log.read_text()


async def test_a_gateway_that_is_lost_in_between_costs_a_resume(pair: Pair) -> None:
    """B has the session of a client that came to A; then B is killed. The last test here."""
    a, b = pair
    await asyncio.to_thread(idle, pair)
    async with RawClient(a.url) as first, RawClient(a.url) as second:
        await first.start("first", seed=1)
        ready = await second.start("second", seed=2)
        await second.count(12)
        b.process.kill()
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await second.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        await end(first)
        packets = list(second.packets)
        async with RawClient(a.url) as client:
            last, token = packets[-1].frame, ready["resume_token"]
            await client.send(type="session.start", model="pocket-random", resume=token, last_frame=last)
            await client.message("session.ready")
            await client.count(8)
            packets += client.packets
            await end(client)
    assert [packet.frame for packet in packets] == list(range(len(packets)))
    assert shown(packets)[-1] == (len(packets) - 1, 2, prompt_code("second"))
    gateways = a.state_dir / "gateways"
    await asyncio.to_thread(wait_for, lambda: len(list(gateways.glob("*.json"))) == 1)
