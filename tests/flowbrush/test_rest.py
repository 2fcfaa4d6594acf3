"""Addresses of servers, and the upload of an image, against a small HTTP server."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowbrush import FlowbrushError, ServerError
from flowbrush.rest import Server, _refusal


@pytest.mark.parametrize(
    ("url", "stream", "http"),
    [
        ("localhost:8000", "ws://localhost:8000/v1/stream", "http://localhost:8000/x"),
        ("http://a.b/", "ws://a.b/v1/stream", "http://a.b/x"),
        ("https://a.b:1/demo/", "wss://a.b:1/demo/v1/stream", "https://a.b:1/demo/x"),
        ("ws://a.b/v1/stream", "ws://a.b/v1/stream", "http://a.b/x"),
        ("wss://a.b/v1", "wss://a.b/v1/stream", "https://a.b/x"),
        (" http://a.b\n", "ws://a.b/v1/stream", "http://a.b/x"),
        ("http://ann:p%40ss@a.b:1", "ws://a.b:1/v1/stream", "http://a.b:1/x"),
    ],
)
def test_any_usual_address_is_understood(url: str, stream: str, http: str) -> None:
    server = Server.from_url(url)
    assert (server.stream_url, server.http_url("/x")) == (stream, http)


@pytest.mark.parametrize(
    "url", ["", "ftp://a.b", "http://", "http://a b", f"http://{'a' * 70}.b", "http://a..b"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected for example http://localhost:8000"):
        Server.from_url(url)


def test_name_and_password_go_into_the_header_and_are_shown_nowhere() -> None:
    """Of a proxy in front: uploads were sent to a host of that name, and errors showed the password."""
    server = Server.from_url("http://ann:p%40ss@a.b")
    assert server.headers == {"Authorization": "Basic YW5uOnBAc3M="}
    assert "ss" not in repr(server).replace("ssl", "")
    with pytest.raises(ValueError, match="either api_key, or name and password"):
        Server.from_url("http://ann:secret@a.b", "key")


@pytest.mark.parametrize("url", ["ws://a.b/v1/stream?token=secret", "http://a.b#secret"])
def test_what_an_address_would_lose_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"would not be sent: .*api_key=") as refused:
        Server.from_url(url)
    assert "secret" not in str(refused.value)


def test_a_session_id_cannot_leave_its_place_in_the_address() -> None:
    assert Server("h").watch_url("../x?y") == "ws://h/v1/sessions/..%2Fx%3Fy/watch"


class Images(BaseHTTPRequestHandler):
    """Takes an upload whose file begins like a PNG; keeps what it got in `got`."""

    got: dict[str, Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts()
        data = part.get_payload(decode=True)
        self.server.got = {  # type: ignore[attr-defined]
            "path": self.path,
            "key": self.headers["Authorization"],
            "field": part.get_param("name", header="content-disposition"),
            "data": data,
        }
        ok = data.startswith(b"\x89PNG")
        answer = {"id": "img-1"} if ok else {"detail": "not an image"}
        if data == b"\x89PNG and the server ends":
            return
        if data == b"\x89PNG of another":
            answer = {"name": "some other server"}
        self.send_response(201 if ok else 415)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def http() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Images) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_an_image_is_uploaded_as_the_field_file(http: ThreadingHTTPServer, tmp_path: Path) -> None:
    server = Server(f"127.0.0.1:{http.server_port}", api_key="secret")
    data = b"\x89PNG\r\n\x1a\n\x00--\xff"
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for image in (data, path, str(path)):
        assert await server.upload(image) == "img-1"
        expected = {"path": "/v1/images", "key": "Bearer secret", "field": "file", "data": data}
        assert http.got == expected  # type: ignore[attr-defined]


async def test_a_refused_image_raises_with_the_answer(http: ThreadingHTTPServer) -> None:
    with pytest.raises(ServerError, match=r"refused \(415\).*not an image"):
        await Server(f"127.0.0.1:{http.server_port}").upload(b"GIF")


async def test_another_kind_of_server_is_told_as_such(http: ThreadingHTTPServer) -> None:
    with pytest.raises(FlowbrushError, match="no flowbrush server: correct the address"):
        await Server(f"127.0.0.1:{http.server_port}").upload(b"\x89PNG of another")
    with pytest.raises(FlowbrushError, match="Remote end closed connection without response"):
        await Server(f"127.0.0.1:{http.server_port}").upload(b"\x89PNG and the server ends")
    with pytest.raises(FlowbrushError, match="no TLS is spoken there: call it http://"):
        await Server(f"127.0.0.1:{http.server_port}", secure=True).upload(b"x")


def test_a_refusal_is_told_in_the_servers_words() -> None:
    error = _refusal(422, b'{"error": {"code": "invalid_image", "message": "it is broken"}}')
    assert (error.code, str(error).count("{")) == ("invalid_image", 0) and "it is broken" in str(error)
    for other in (b"<html>", b'{"error": 3}', b"[]"):
        assert _refusal(502, other).code == "upload_refused"


@pytest.mark.parametrize("image", [5, [1, 2], None])
async def test_what_is_no_image_is_a_clear_error(image: Any) -> None:
    with pytest.raises(TypeError, match="expected the path of a file, or an encoded image"):
        await Server("127.0.0.1:9").upload(image)


async def test_a_path_with_a_nul_is_a_clear_error() -> None:
    with pytest.raises(FlowbrushError, match="the image cannot be read"):
        await Server("127.0.0.1:9").upload("a\0.png")


async def test_an_unreachable_server_is_a_clear_error() -> None:
    with pytest.raises(FlowbrushError, match=r"could not be uploaded to 127\.0\.0\.1:9"):
        await Server("127.0.0.1:9").upload(b"x")
