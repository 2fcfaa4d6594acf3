"""The REST side, keys, origins, the page, and what the web process must not load."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError
from raw_client import RawClient, decode_file
from running_server import ROOT, RunningServer, wait_for
from server_generator import read
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import flowbrush
from flowbrush.schema import schemas
from flowbrush.server.settings import Settings

PIN = {"kind": "pin", "points": [{"t": 0, "x": 0.5, "y": 0.5}]}


def status_of(url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(url, data, named)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def upload(server: RunningServer, data: bytes) -> tuple[int, dict[str, Any]]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="i"\r\n\r\n'
    body = head + data + b"\r\n--b--\r\n"
    status, answer = status_of(
        f"{server.url}/v1/images", body, Content_Type="multipart/form-data; boundary=b"
    )
    return status, json.loads(answer)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_models_come_compressed(server: RunningServer, method: str) -> None:
    """The page needs them before it can be used; nothing of a request stands in them, and no secret."""
    headers = {"Accept-Encoding": "gzip"}
    request = urllib.request.Request(f"{server.url}/v1/models", headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["Vary"] == "Accept-Encoding"
        whole = len(json.dumps(server.json("/v1/models"), separators=(",", ":")))
        assert int(answer.headers["Content-Length"]) < whole / 3
        if method == "GET":
            assert json.loads(gzip.decompress(answer.read())) == server.json("/v1/models")


def test_health_models_and_metrics(server: RunningServer) -> None:
    assert server.json("/healthz") == {"status": "ok", "storage": "ok"}
    assert server.json("/readyz")["ready"] is True
    models = {card["name"]: card for card in server.json("/v1/models")["models"]}
    assert models["pocket-random"]["loaded"] and not models["pocket"]["loaded"]
    assert {"capabilities", "licence", "available", "width"} <= models["pocket"].keys()
    text = server.get("/metrics").decode()
    for name in (
        "flowbrush_time_to_first_frame_seconds",
        "flowbrush_chunk_seconds",
        "flowbrush_control_to_pixel_seconds",
        "flowbrush_deadline_misses_total",
        "flowbrush_frames_dropped",
        "flowbrush_queue_depth",
        "flowbrush_slots",
        "flowbrush_worker_restarts",
        "flowbrush_sent_bytes_total",
    ):
        assert f"# TYPE {name.removesuffix('_total')}" in text or f"# TYPE {name}" in text, name


async def test_the_figures_count_what_happens(server: RunningServer) -> None:
    chunks, sent = server.metric("flowbrush_chunks_total"), server.metric("flowbrush_sent_bytes_total")
    async with RawClient(server.url) as client:
        await client.start()
        await client.send(type="prompt.set", id=1, prompts=[{"text": "x"}])
        await client.message("control.applied")
        await client.count(8)
        assert server.metric("flowbrush_slots_used") >= 1
    assert server.metric("flowbrush_chunks_total") >= chunks + 2
    received = sum(len(packet.payload) + 32 for packet in client.packets)
    assert server.metric("flowbrush_sent_bytes_total") >= sent + received
    assert server.metric("flowbrush_control_to_pixel_seconds_count") >= 1


def test_uploads(server: RunningServer) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    status, answer = upload(server, out.getvalue())
    assert status == 201 and answer["id"]
    status, answer = upload(server, b"no image")
    assert status == 422 and answer["error"]["code"] == "invalid_value"
    status, answer = upload(server, bytes(10 * 2**20 + 1))
    assert status == 413 and answer["error"]["code"] == "too_large"
    assert status_of(f"{server.url}/v1/images", bytes(2**24), Content_Type="text/plain")[0] == 413


async def test_an_unknown_image_is_refused(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await client.send(type="session.start", model="pocket-random", prompt="x", image="nothing")
        assert (await client.message("error"))["code"] == "unknown_image"
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1003


@pytest.mark.parametrize(
    ("fields", "code", "at"),
    [
        ({"model": "other"}, "unknown_model", "model"),
        ({"codecs": ["theora"]}, "no_codec", "codecs"),
        ({"width": 64, "height": 64}, "invalid_value", "width"),
        ({"prompt": None}, "missing_field", "prompt"),
        ({"prompt": 5}, "wrong_type", "prompt"),
        ({"tracks": [{"track": 1, "kind": "pin"}]}, "missing_field", "tracks[0].points"),
        ({"tracks": [PIN | {"track": 2130706432}]}, "out_of_range", "tracks[0].track"),
        ({"type": "ping"}, "not_started", "type"),
    ],
)
async def test_a_start_that_cannot_be_served_is_closed_with_1003(
    server: RunningServer, fields: dict[str, Any], code: str, at: str
) -> None:
    async with RawClient(server.url) as client:
        await client.send(
            **{"type": "session.start", "model": "pocket-random", "prompt": "x", "id": 3, **fields}
        )
        error = await client.message("error")
        assert (error["code"], error.get("field")) == (code, at)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await client.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1003


@pytest.mark.parametrize(
    ("kind", "code", "field"),
    [("session.start", "invalid_value", "prompt"), ("ping", "not_started", "type")],
)
async def test_a_first_message_in_which_a_name_stands_twice_is_told(
    server: RunningServer, kind: str, code: str, field: str
) -> None:
    """Its type was looked for once more, and not found: the connection was cut without a word."""
    async with RawClient(server.url) as client:
        await client.socket.send(f'{{"type": "{kind}", "prompt": "a dog", "prompt": "a cat"}}')
        error = await client.message("error")
        assert (error["code"], error["field"]) == (code, field)
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1003


@pytest.mark.parametrize(
    ("path", "data", "status", "says"),
    [
        ("/v1/nothing", None, 404, "there is nothing at /v1/nothing: /docs lists"),
        ("/v1/models", b"", 405, "/v1/models does not take POST, but GET"),
        ("/v1/stream", None, 426, "/v1/stream is a WebSocket: connect to it with ws://"),
        ("/v1/sessions/x/watch", None, 426, "/v1/sessions/x/watch is a WebSocket"),
    ],
)
def test_what_no_route_takes_is_told(
    server: RunningServer, path: str, data: bytes | None, status: int, says: str
) -> None:
    got, body = status_of(f"{server.url}{path}", data)
    error = json.loads(body)["error"]
    assert (got, error["code"]) == (status, f"http_{status}") and says in error["message"]


async def test_a_websocket_of_no_route_names_those_that_there_are(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(server.url.replace("http", "ws") + "/v1/steam")
    response = refused.value.response
    error = json.loads(response.body or b"")["error"]
    assert (
        response.status_code == 404
        and "no WebSocket is at /v1/steam: there are /v1/stream" in error["message"]
    )


async def test_a_server_without_tls_is_told(server: RunningServer) -> None:
    with pytest.raises(flowbrush.ConnectionLost, match="no TLS is spoken there: call it http://"):
        async with flowbrush.connect(server.url.replace("http://", "https://"), prompt="a fox"):
            pass


def test_unknown_sessions_are_404(server: RunningServer) -> None:
    for path in ("", "/log", "/recording.mp4", "/frame.jpg", "/watch.mjpeg"):
        assert status_of(f"{server.url}/v1/sessions/nothing{path}")[0] == 404
    assert status_of(f"{server.url}/v1/sessions/..%2f..%2fetc/log")[0] == 404


async def test_what_an_ended_session_has_not_is_told_apart_from_a_session_that_never_was(
    server: RunningServer,
) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.count(4)
        await client.send(type="session.stop")
        await client.message("session.done")
    base, branch = f"{server.url}/v1/sessions/{ready['session']}", b'{"chunk": 0}'
    for path, body in (("/branch", branch), ("/mark", b""), ("/frame.jpg", None), ("/watch.mjpeg", None)):
        kind = {"Content-Type": "application/json"} if body else {}
        status, answer = await asyncio.to_thread(status_of, base + path, body, **kind)
        assert status == 404 and b"unknown_session" in answer and b"has ended, there is no" in answer, path
    status, state = await asyncio.to_thread(status_of, base)
    assert status == 200 and json.loads(state)["state"] == "done"


async def test_recordings_are_served_in_ranges_while_they_grow(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.count(12)
        url = f"{server.url}/v1/sessions/{ready['session']}/recording.mp4"
        whole = status_of(url)
        part = status_of(url, Range="bytes=4-11")
        status, answer = status_of(url, Range="bytes=99999999-")
        error = json.loads(answer)["error"]
        assert (status, error["code"], error["field"]) == (416, "out_of_range", "Range")
    assert whole[0] == 200 and part == (206, whole[1][4:12]) and part[1][:4] == b"ftyp"


@pytest.mark.parametrize(
    ("path", "body", "code", "field"),
    [
        ("branch", b"{}", "missing_field", "chunk"),
        ("branch", b'{"chunk": "1"}', "wrong_type", "chunk"),
        ("branch", b'{"chunk": -1}', "out_of_range", "chunk"),
        ("branch", b'{"chunk": 1', "invalid_json", None),
        ("recording.mp4?first=a", None, "wrong_type", "first"),
        ("recording.mp4?last=-1", None, "out_of_range", "last"),
    ],
)
def test_what_is_wrong_with_a_request_has_the_code_of_the_protocol(
    server: RunningServer, path: str, body: bytes | None, code: str, field: str | None
) -> None:
    status, answer = status_of(f"{server.url}/v1/sessions/none/{path}", body, Content_Type="application/json")
    said = json.loads(answer)["error"]
    assert (status, said["code"], said.get("field")) == (422, code, field)


async def test_a_download_goes_on_with_the_same_file_or_begins_anew(server: RunningServer) -> None:
    def ask(**headers: str) -> tuple[int, bytes, str | None]:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=named), timeout=30) as answer:
                return answer.status, answer.read(), answer.headers["ETag"]
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers["ETag"]

    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.count(12)
        url = f"{server.url}/v1/sessions/{ready['session']}/recording.mp4"
        status, whole, tag = ask(Range="bytes=4-11", If_Range='"of before"')
        assert status == 200 and len(whole) > 100 and tag is None, "it grows: no part fits what is had of it"
        await client.send(type="session.stop")
        await client.message("session.done")
    status, whole, tag = await asyncio.to_thread(ask)
    assert status == 200 and tag
    assert ask(Range="bytes=4-11", If_Range=tag) == (206, whole[4:12], tag)
    for other in ('"of before"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert ask(Range="bytes=4-11", If_Range=other) == (200, whole, tag)
    assert [ask(If_None_Match=each)[0] for each in (tag, f'"a", {tag}', "*", '"a"')] == [304, 304, 304, 200]
    assert ask(If_None_Match=f"W/{tag}")[0] == 304, "a proxy that compresses makes a tag weak"
    status, answer, _ = ask(If_Match=f"W/{tag}")
    assert (status, json.loads(answer)["error"]["field"]) == (412, "If-Match")
    assert [ask(If_Match=each)[0] for each in (tag, "*", '"a"')] == [200, 200, 412]


async def test_a_clip_begins_where_it_was_marked(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start()
        await client.count(12)
        base = f"{server.url}/v1/sessions/{ready['session']}"
        status, body = await asyncio.to_thread(status_of, f"{base}/mark", b"")
        first = json.loads(body)["chunk"]
        assert status == 200 and first >= 3
        await client.message("chunk", chunk=first + 2)
        url = f"{base}/recording.mp4?first={first}&last={first + 1}"
        await asyncio.to_thread(wait_for, lambda: len(decode_file(status_of(url)[1])) == 8)
        frames = [read(picture)[0] for picture in decode_file(status_of(url)[1])]
        assert frames == list(range(first * 4, first * 4 + 8)), "neither before the mark nor after the end"
        status, refusal = status_of(f"{base}/recording.mp4?first=100000")
        assert status == 404 and b"no chunk from 100000 on is recorded" in refusal
        upto = [read(picture)[0] for picture in decode_file(status_of(f"{base}/recording.mp4?last=1")[1])]
        assert upto == list(range(8)), "without first from the beginning"
    assert status_of(f"{server.url}/v1/sessions/none/mark", b"")[0] == 404


def test_the_page_comes_with_a_strict_policy_and_right_types(server: RunningServer) -> None:
    files = {"/": "text/html", "/web/main.js": "text/javascript", "/web/style.css": "text/css"}
    for path, kind in files.items():
        with urllib.request.urlopen(server.url + path, timeout=20) as answer:
            assert answer.headers.get_content_type() == kind
            policy = answer.headers["Content-Security-Policy"]
            tag = answer.headers["ETag"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert status_of(server.url + path, If_None_Match=tag)[0] == 304
    for path in ("/web/../pyproject.toml", "/web/%2e%2e/pyproject.toml", "/web/nothing.js"):
        assert status_of(server.url + path)[0] == 404


def test_what_is_served_of_the_page_is_what_it_loads(server: RunningServer) -> None:
    folder = ROOT / "web"
    for path in ("main.js", "ui/timeline.js", "gallery/index.json", "icons.svg"):
        assert status_of(f"{server.url}/web/{path}")[0] == 200, path
    for path, kept in (
        ("main.js", "no-cache"),
        ("ui/dom.js", "no-cache"),
        ("gallery/small-fig.webp", "max-age=86400"),
    ):
        with urllib.request.urlopen(f"{server.url}/web/{path}", timeout=20) as answer:
            assert answer.headers["Cache-Control"] == kept, path
    tools = ["package.json", "package-lock.json", "jsconfig.json"]
    assert all((folder / name).is_file() for name in tools), "they are there"
    for path in (
        *tools,
        "node_modules/typescript/package.json",
        "node_modules/typescript/lib/tsc.js",
        "ui",
        "",
    ):
        assert status_of(f"{server.url}/web/{path}")[0] == 404, path


def test_what_the_page_names_is_served_as_the_check_of_the_packages_asks(server: RunningServer) -> None:
    spec = importlib.util.spec_from_file_location("check_packages", ROOT / "tools" / "check_packages.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    links = 'href="./" href="#top" src="web/main.js" href="web/icons.svg#drag" href="https://example.org/"'
    named = [f"{server.url}/web/icons.svg", f"{server.url}/web/main.js"]
    assert tool.files_named(links, f"{server.url}/") == named
    tool.check_page(server.url)


def test_the_api_describes_itself_without_asking_others(server: RunningServer) -> None:
    with urllib.request.urlopen(f"{server.url}/docs", timeout=20) as answer:
        text = answer.read().decode()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {
        "./", "openapi.json", "web/api.css", "web/icon.svg",
    }  # fmt: skip
    for path in json.loads(status_of(f"{server.url}/openapi.json")[1])["paths"]:
        assert f" {path}</code>" in text
    for schema in ("client-message.json", "server-message.json"):
        for kind in schemas()[schema]["discriminator"]["mapping"]:
            assert f"<h3><code>{kind}</code></h3>" in text
    assert status_of(f"{server.url}/web/api.css")[0] == 200


async def test_keys_and_tokens(make_server: Any) -> None:
    server = make_server(FLOWBRUSH_API_KEYS="first,second")
    assert status_of(f"{server.url}/healthz")[0] == 200
    assert status_of(f"{server.url}/")[0] == 200
    assert status_of(f"{server.url}/v1/models")[0] == 401
    assert status_of(f"{server.url}/v1/models", Authorization="Bearer wrong")[0] == 401
    assert status_of(f"{server.url}/v1/models", Authorization="Bearer second")[0] == 200
    with pytest.raises(InvalidStatus) as refused:
        async with RawClient(server.url):
            pass
    assert refused.value.response.status_code == 401
    status, body = status_of(f"{server.url}/v1/tokens", b"", Authorization="Bearer first")
    token = json.loads(body)
    assert status == 200 and token["expires_s"] == 60
    async with RawClient(server.url, f"/v1/stream?token={token['token']}") as client:
        await client.start(paused=True)
    async with RawClient(server.url, additional_headers={"Authorization": "Bearer first"}) as client:
        await client.start(paused=True)
    assert "ERROR" not in server.log.read_text(), "who is refused at the upgrade is no fault of the server's"


async def test_pages_of_other_origins_are_refused(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with RawClient(server.url, origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403
    async with RawClient(server.url, origin=server.url) as client:
        await client.start(paused=True)


def test_an_open_server_stays_on_loopback_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(ValidationError, match="FLOWBRUSH_API_KEYS"):
        Settings(host="0.0.0.0")
    assert Settings(host="0.0.0.0", allow_unauthenticated=True).host == "0.0.0.0"
    monkeypatch.setenv("FLOWBRUSH_API_KEYS", "a, b")
    assert Settings(host="0.0.0.0").api_keys == ("a", "b")


def test_the_web_process_never_imports_torch() -> None:
    code = (
        "import sys, flowbrush.server.run, flowbrush.server.cli, flowbrush.models.cards.registry;"
        "from flowbrush.server.settings import Settings;"
        "from flowbrush.server.http.app import create_app; import tempfile, pathlib;"
        "create_app(Settings(state_dir=pathlib.Path(tempfile.mkdtemp())));"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60).returncode == 0
