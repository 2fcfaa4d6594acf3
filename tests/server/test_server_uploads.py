"""Uploads to a real server, and what becomes of recordings that browsers do not play."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from raw_client import RawClient
from running_server import RunningServer, wait_for
from server_generator import read
from test_server_door import ask, raw

from flowbrush.pipelines.media.picture import GROUND, read_picture
from flowbrush.server.delivery.transcode import transcode
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.uploads import Uploads
from flowbrush.server.store.images import BadImage, ImageStore, load, share, take_over
from flowbrush.server.store.storage import Storage

FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def form(data: bytes, name: str = "file", filename: str | None = "i") -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + data + b"\r\n--b--\r\n"


def png(*size: int, mode: str = "RGB", colour: Any = 0) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size or (40, 30), colour).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (form(png()), 201, ""),
        (form(b"no image"), 422, "invalid_value"),
        (form(b""), 422, "invalid_value"),
        (form(png(), name="other"), 422, "missing_field"),
        (form(png(), filename=None), 422, "missing_field"),
        (b"abc", 400, "invalid_value"),
        (b"--b\r\n" + b"A" * 100_000 + b": 1\r\n\r\n1\r\n--b--\r\n", 400, "invalid_value"),
        (b"--b\r\n" + b"A" * 5_000_000 + b": 1\r\n\r\n1\r\n--b--\r\n", 400, "invalid_value"),
        (form(png()).removesuffix(b"--b--\r\n") * 3 + b"--b--\r\n", 400, "invalid_value"),
        (form(bytes(10 * 2**20 + 1)), 413, "too_large"),
        (form(png(7000, 7000, mode="1")), 422, "invalid_value"),
    ],
)
def test_what_is_uploaded_is_taken_or_told_why_not(
    server: RunningServer, body: bytes, status: int, code: str
) -> None:
    got, answer = ask(server, "/v1/images", "POST", body, a=FORM)
    assert got == status, answer
    assert answer.get("error", {}).get("code", "") == code


def test_a_cut_out_is_kept_as_everybody_sees_it(server: RunningServer) -> None:
    data = png(16, 8, mode="RGBA", colour=(0, 0, 255, 0))
    id = ask(server, "/v1/images", "POST", form(data), a=FORM)[1]["id"]
    kept = np.asarray(Image.open(server.state_dir / "images" / f"{id}.png"))
    assert np.array_equal(kept, read_picture(data)) and kept[0, 0].tolist() == list(GROUND)


async def test_pictures_are_decoded_one_at_a_time_whoever_sends_them() -> None:
    inside, most = 0, 0

    def add(data: bytes, owner: str) -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        inside -= 1
        return owner

    images, quotas = SimpleNamespace(add=add), SimpleNamespace(check_upload=lambda identity: None)
    uploads = Uploads(images, quotas, Storage())  # type: ignore[arg-type]
    kept = await asyncio.gather(*(uploads.keep(Identity(owner, "::1"), b"") for owner in "abcdef"))
    assert kept == list("abcdef") and most == 1


async def test_four_bodies_are_received_at_once() -> None:
    asked, inside, most = [], 0, 0
    full, all_asked = asyncio.Event(), threading.Event()

    def check(identity: Identity) -> None:
        asked.append(identity)
        if len(asked) == 8:
            all_asked.set()

    @contextlib.asynccontextmanager
    async def form(**limits: int) -> AsyncIterator[dict[str, Any]]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside == 4:
            full.set()
        await full.wait()
        await asyncio.to_thread(all_asked.wait, 30)
        await asyncio.sleep(0.05)  # whoever is let in is in by now
        inside -= 1
        yield {}

    images = SimpleNamespace(max_bytes=1)
    uploads = Uploads(images, SimpleNamespace(check_upload=check), Storage())  # type: ignore[arg-type]
    requests = [
        SimpleNamespace(state=SimpleNamespace(identity=Identity(owner, "::1")), form=form)
        for owner in "abcdefgh"
    ]
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*map(uploads.take, requests))  # type: ignore[arg-type]
    assert [answer.status_code for answer in answers] == [422] * 8 and most == 4


def test_a_full_disk_is_told(make_server: Any, tmp_path: Path) -> None:
    server = make_server()
    (tmp_path / "state" / "images").write_text("in the way of the folder")
    status, answer = ask(server, "/v1/images", "POST", form(png()), a=FORM)
    assert status == 507 and "no room" in answer["error"]["message"] and answer["error"]["retry_after_s"] > 0
    assert "Traceback" not in server.log.read_text()


def test_uploads_have_a_quota_and_requests_a_time(make_server: Any) -> None:
    server = make_server(FLOWBRUSH_QUOTA_UPLOADS="2", FLOWBRUSH_HEADER_S="0.2", FLOWBRUSH_BODY_S="0.4")
    assert [ask(server, "/v1/images", "POST", form(png()), a=FORM)[0] for _ in range(3)] == [201, 201, 429]
    for begun in (b"", b"GET / HTTP/1.1\r\nHost: loc"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(begun)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 408")
    head = "POST /v1/tokens HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: 100"
    assert raw(server, head, b'{"role":').startswith(b"HTTP/1.1 408")
    assert ask(server, "/healthz")[0] == 200
    assert server.metric("flowbrush_connections_closed_total") == 3
    assert "Traceback" not in server.log.read_text()


def test_more_connections_than_are_taken_are_turned_away(make_server: Any) -> None:
    server = make_server(FLOWBRUSH_CONNECTIONS_PER_ADDRESS="4")
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(4)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as fifth:
        assert fifth.recv(1 << 16).startswith(b"HTTP/1.1 503")
    for connection in held:
        connection.close()
    wait_for(lambda: raw(server, "GET /healthz HTTP/1.1\nHost: localhost\nConnection: close")[9:12] == b"200")


def test_images_are_of_their_owner_and_leave_nothing_half_written(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, 1 << 20, 1e6)
    mine, other = store.add(png(), "alice"), store.add(png())
    assert store.path(mine, "alice") and not store.path(mine) and not store.path(mine, "bob")
    assert store.path(other) and not store.path(other, "alice")
    assert store.kept("alice")[0] == store.kept("")[0] == 1 and store.kept("bob") == (0, 0)
    with pytest.raises(BadImage, match="megapixels"):
        store.add(png(2000, 600), "alice")
    assert not list(tmp_path.rglob("*.part"))
    assert sorted(store.files()) == sorted(tmp_path.rglob("*.png"))


def test_sessions_with_the_same_image_share_file_and_memory(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images", 1 << 20, 1e6)
    upload = store.path(store.add(png(64, 48)))
    assert upload is not None
    first = take_over(upload, tmp_path / "first.png")
    share(tmp_path / "first.png", tmp_path / "branch.png")
    assert load(tmp_path / "branch.png") is first and (tmp_path / "branch.png").samefile(upload)
    assert load(tmp_path / "first.png").shape == (48, 64, 3) and not first.flags.writeable
    (tmp_path / "first.png").unlink()
    (tmp_path / "first.png").write_bytes(png(8, 8))
    assert load(tmp_path / "first.png").shape == (8, 8, 3)


@pytest.mark.parametrize("codec", ["jpeg", "vp8"])
async def test_recordings_play_in_browsers_whatever_was_sent(server: RunningServer, codec: str) -> None:
    async with RawClient(server.url) as client:
        base = f"/v1/sessions/{(await client.start(codecs=[codec]))['session']}"
        await client.count(16)
        await client.send(type="session.pause")
        await client.message("session.paused")
        await asyncio.to_thread(wait_for, lambda: ask(server, base)[1]["recorded_bytes"] > 0)
        status, video = await asyncio.to_thread(ask, server, f"{base}/recording.mp4")
        assert status == 200
        with av.open(io.BytesIO(video)) as file:
            assert file.streams.video[0].codec_context.name == "h264"
            assert file.streams.video[0].codec_context.pix_fmt == "yuv420p"
            pictures = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
        assert [read(picture)[0] for _, picture in pictures] == list(range(len(pictures)))
        assert [time for time, _ in pictures[:3]] == [
            pytest.approx(index / 16, abs=1e-3) for index in range(3)
        ]
        part = await asyncio.to_thread(ask, server, f"{base}/recording.mp4", a={"Range": "bytes=4-11"})
        assert part == (206, video[4:12])
        status, piece = await asyncio.to_thread(ask, server, f"{base}/recording.mp4?first=1&last=2")
        with av.open(io.BytesIO(piece)) as file:
            frames = [read(frame.to_ndarray(format="rgb24"))[0] for frame in file.decode(video=0)]
        assert frames[-8:] == list(range(4, 12)) or frames == list(range(12))


def test_a_recording_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(json.dumps("no video").encode())
    with pytest.raises((av.FFmpegError, OSError)):
        transcode(tmp_path / "a.mp4", 10, tmp_path / "b.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
