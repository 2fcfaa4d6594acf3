"""Clients that talk nonsense, vanish, or do not read."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time

import psutil
import pytest
from raw_client import RawClient, decode
from running_server import RunningServer, wait_for
from server_generator import prompt_code, read

from flowbrush.errors import ErrorCode

NAN, INF = float("nan"), float("inf")


def junk(random_: random.Random) -> str | bytes:
    """One bad message: of wrong shape, type, range, order, or no message at all."""
    odd = [None, True, -1, 0, 2**70, 1e308, "", "x" * 5000, [], {}, [[]], {"t": "a"}, NAN, -INF]
    value = random_.choice([*odd, "\ud7ff\u0000"])
    kinds = ["prompt.set", "track.begin", "track.move", "track.end", "tracks.clear", "camera.set"]
    kinds += [
        "session.start",
        "session.step",
        "session.rewind",
        "session.resume",
        "playhead",
        "ping",
        "nothing",
        7,
        None,
    ]
    point = {"t": value, "x": random_.choice([value, 0.5, 3.0]), "y": 0.5}
    message = {
        "type": random_.choice(kinds),
        "id": random_.choice([value, 1, random_.randrange(2**33)]),
        "track": random_.choice([value, 5, random_.randrange(100)]),
        "kind": random_.choice(["drag", "pin", "path", value]),
        "points": random_.choice([value, [point], [point] * 1100]),
        "prompts": random_.choice([value, [{"text": value}], [{"text": "ok", "weight": value}]]),
        "chunk": value,
        "chunks": value,
        "pts": value,
        "buffered": value,
        "sent_us": value,
        "mode": value,
    }
    for name in random_.sample(sorted(message), random_.randrange(len(message))):
        if name != "type" or random_.random() < 0.1:
            del message[name]
    text = json.dumps(message)[:3_000_000]  # a longer one closes the connection with 1009
    match random_.randrange(12):
        case 0:
            return random_.randbytes(random_.randrange(200))
        case 1:
            return text[: random_.randrange(len(text))]
        case 2:
            return "[" * random_.randrange(1, 3000)
        case 3:
            huge = random_.random() < 0.05
            return json.dumps({"type": "ping", "sent_us": 1, "pad": "y" * 1_100_000}) if huge else "null"
    return text


async def test_two_thousand_bad_messages_get_typed_errors_and_harm_nothing(make_server) -> None:
    server: RunningServer = make_server()
    random_ = random.Random(20)
    async with RawClient(server.url) as bystander, RawClient(server.url) as client:
        await bystander.start("bystander", seed=1)
        await client.start("fuzzed", seed=2)

        async def talk() -> None:
            for _ in range(2000):
                await client.socket.send(junk(random_))
            await client.send(type="ping", sent_us=424242)

        talking = asyncio.create_task(talk())
        await client.message("pong", sent_us=424242)
        await talking
        await client.send(type="session.resume")
        # what it said before of where it is was junk, too, and it gets no more than 2 s beyond that
        await client.send(type="playhead", pts=client.packets[-1].pts, buffered=0)
        before = len(client.packets)
        await client.count(before + 8)
        await bystander.count(16)
    errors = [message for message in client.messages if message["type"] == "error"]
    assert len(errors) > 1000
    assert {error["code"] for error in errors} <= {str(code) for code in ErrorCode}
    assert "internal" not in {error["code"] for error in errors}
    assert all(error["message"] for error in errors)
    assert [read(picture)[:3] for picture in decode(bystander.packets)][:16] == [
        (n, 1, prompt_code("bystander")) for n in range(16)
    ]
    assert "Traceback" not in server.log.read_text()
    assert server.metric("flowbrush_worker_restarts_total") == 0


async def test_a_hundred_clients_that_vanish_leave_nothing_behind(make_server) -> None:
    server: RunningServer = make_server(FLOWBRUSH_RESUME_S="0.5", FLOWBRUSH_QUEUE_SIZE="200")
    process = psutil.Process(server.process.pid)

    async def vanish(after: str) -> None:
        client = RawClient(server.url)
        await client.__aenter__()
        if after != "connecting":
            await client.send(type="session.start", model="pocket-random", prompt="x")
        if after == "frames":
            await client.count(1)
        client.socket.transport.abort()

    async def cycle(count: int) -> None:
        for n in range(count):
            await vanish(("connecting", "starting", "frames")[n % 3])
        await asyncio.to_thread(wait_for, lambda: server.metric("flowbrush_slots_used") == 0, 60)

    await cycle(12)
    descriptors, memory = process.num_fds(), process.memory_info().rss
    await cycle(100)
    assert server.json("/readyz")["free"] == 4
    await asyncio.to_thread(wait_for, lambda: process.num_fds() <= descriptors + 2)
    assert process.memory_info().rss - memory < 30e6
    async with RawClient(server.url) as client:
        await client.start()
        await client.count(4)


@pytest.mark.slow
async def test_a_client_that_stops_reading_stops_only_itself(make_server) -> None:
    """It misses what is stale and goes on with a key frame; memory stays flat; others are served."""
    server: RunningServer = make_server()
    process = psutil.Process(server.process.pid)
    async with RawClient(server.url) as other:
        await other.start("other", seed=1)
        slow = RawClient(server.url, max_queue=2, sock=small_socket(server.port))
        async with slow:
            ready = await slow.start("slow", seed=2, codecs=["jpeg"])
            await slow.count(4)
            state = f"/v1/sessions/{ready['session']}"
            reading = asyncio.create_task(other.count(16 * 600))
            stuck, since = -1, time.monotonic()
            while time.monotonic() - since < 5:  # nothing new is made for it for 5 s: it is stopped
                await asyncio.sleep(0.25)
                frames = (await asyncio.to_thread(server.json, state))["frames"]
                if frames != stuck:
                    stuck, since = frames, time.monotonic()
            memory, served = process.memory_info().rss, len(other.packets)
            await asyncio.sleep(5)
            assert (await asyncio.to_thread(server.json, state))["frames"] == stuck
            assert process.memory_info().rss - memory < 10e6
            assert len(other.packets) - served >= 16, "the other one is served"
            resumed = len(slow.packets)
            while not (slow.packets[-1].frame >= stuck and slow.packets[-1].discontinuity):
                await slow.receive()
            first = slow.packets[-1]
            await slow.count(len(slow.packets) + 8)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert first.key and len(slow.packets) > resumed
    assert first.age_us < 2_000_000, "what comes after the gap is fresh"


def small_socket(port: int) -> socket.socket:
    """A connection whose kernel buffer is soon full."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.connect(("127.0.0.1", port))
    small.setblocking(False)
    return small


async def test_one_that_never_reads_is_closed_in_the_end(make_server) -> None:
    server: RunningServer = make_server(FLOWBRUSH_SLOW_READER_S="2")
    async with RawClient(server.url, max_queue=1, sock=small_socket(server.port)) as client:
        await client.start(codecs=["jpeg"])
        await asyncio.to_thread(wait_for, lambda: server.metric("flowbrush_frames_dropped_total") > 0, 90)
        await asyncio.to_thread(wait_for, lambda: "has read nothing" in server.log.read_text(), 90)
